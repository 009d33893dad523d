#!/bin/sh
# Builds the virtual environment: sh build_venv.sh FOLDER [PYTHON]
#
# The file FOLDER/installed is written last: it tells make that the environment
# is complete.
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

echo "== building $folder with $("$python" --version), once (a minute or two)"
rm -rf "$folder"
"$python" -m venv "$folder"
# Theano and Lasagne must be built with the pinned setuptools, not with the
# newest, so it is installed first.
grep -E '^(setuptools|wheel)==' requirements.txt >"$folder/build-tools.txt"
pip="$folder/bin/python -m pip --disable-pip-version-check --quiet"
$pip install -r "$folder/build-tools.txt"
# Theano's setup.py reads its setup.cfg with names that Python 3.12 removed.
mkdir "$folder/build-names"
cat >"$folder/build-names/sitecustomize.py" <<'END'
import configparser
if not hasattr(configparser, 'SafeConfigParser'):
    configparser.SafeConfigParser = configparser.ConfigParser
    configparser.ConfigParser.readfp = configparser.ConfigParser.read_file
END
PYTHONPATH=$(cd "$folder/build-names" && pwd) \
    $pip install --no-build-isolation -r requirements.txt
$pip install --no-build-isolation --no-deps -e .
touch "$folder/installed"
echo "== $folder is ready"
