#!/bin/sh
# Builds the virtual environment: sh build_venv.sh FOLDER [PYTHON]
#
# TORCH=cpu or TORCH=cuda chooses the build of PyTorch; by default, machines
# without an NVIDIA GPU get the small one for the CPU. FOLDER/torch records the
# choice. The file FOLDER/installed is written last: it tells make that the
# environment is complete.
set -eu

folder=$1
candidates=${2:-python3.11 python3.10 python3.9 python3.13 python3.12 python3
    python}
fits='import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 13))'

python=
for candidate in $candidates; do
    if "$candidate" -c "$fits" >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "error: no Python 3.9 to 3.13 found (tried: $candidates);" \
         "install one, or say where it is: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    echo "error: $python lacks the modules venv and ensurepip" \
         "(Debian and Ubuntu: install the package python3-venv)" >&2
    exit 1
fi

case ${TORCH:-} in
cpu | cuda)
    torch=$TORCH
    ;;
'')
    torch=cpu
    if command -v nvidia-smi >/dev/null 2>&1 || ls /dev/nvidia* >/dev/null 2>&1
    then
        torch=cuda
    fi
    ;;
*)
    echo "error: TORCH=$TORCH is neither cpu nor cuda" >&2
    exit 1
    ;;
esac

echo "== building $folder with $("$python" --version), once (a minute or two)"
rm -rf "$folder"
"$python" -m venv "$folder"
# Theano and Lasagne must be built with the pinned setuptools, not with the
# newest, so it is installed first.
grep -E '^(setuptools|wheel)==' requirements.txt >"$folder/build-tools.txt"
pip="$folder/bin/python -m pip --disable-pip-version-check --quiet"
$pip install -r "$folder/build-tools.txt"

# Some package indices have the build of PyTorch for the CPU. Otherwise
# PyTorch's own index is asked, which not every network reaches.
cpu_index=https://download.pytorch.org/whl/cpu
cpu_version=$(sed -n 's/^torch==\([^;]*\);.*/\1+cpu/p' requirements.txt)
offers_cpu_build() {
    "$folder/bin/python" -m pip --disable-pip-version-check \
        --timeout 5 --retries 0 index versions torch "$@" 2>/dev/null |
        grep -qF "$cpu_version"
}
cpu_build=
size='about 0.3 GB'
has_cuda_build='import sys; sys.exit(
    not (sys.platform == "linux" and sys.version_info >= (3, 10)))'
if "$folder/bin/python" -c "$has_cuda_build"; then
    size='up to 3 GB, most of it PyTorch and its libraries for CUDA'
    if [ $torch = cpu ] && offers_cpu_build; then
        cpu_build="torch==$cpu_version"
    elif [ $torch = cpu ] && offers_cpu_build --index-url $cpu_index; then
        cpu_build="torch==$cpu_version --index-url $cpu_index"
    fi
fi
if [ -n "$cpu_build" ]; then
    size='about 0.4 GB, half of it PyTorch for the CPU (TORCH=cuda: 3 GB)'
fi
echo "== downloading $size"
if [ -n "$cpu_build" ]; then
    $pip install --no-deps $cpu_build
fi

PYTHONPATH=$(pwd)/theano_build \
    $pip install --no-build-isolation -r requirements.txt
$pip install --no-build-isolation --no-deps -e .
echo $torch >"$folder/torch"
touch "$folder/installed"
echo "== $folder is ready"
