import re

from setuptools import find_packages, setup

with open('kneerepro/__init__.py') as file:
    version = re.search(r"__version__ = '(.+)'", file.read()).group(1)
with open('README.rst', encoding='utf-8') as file:
    readme = file.read()

setup(
    name='kneerepro',
    version=version,
    description='Convolutional autoencoders, DCGAN and WGAN-GP on knee MRI: '
    'a thesis of 2017 in Theano and Lasagne, runnable today',
    long_description=readme,
    long_description_content_type='text/x-rst',
    license='MIT',
    author='The kneerepro developers',
    project_urls={
        'Osteoarthritis Initiative': 'https://nda.nih.gov/oai',
        'Theano': 'https://github.com/Theano/Theano',
        'Lasagne': 'https://github.com/Lasagne/Lasagne',
    },
    packages=find_packages(include=['kneerepro*', 'layers*']),
    package_data={
        'kneerepro': [
            'py.typed',
            'presets/*.ini',
            'templates/*',
            'templates/vendor/*',
        ],
    },
    entry_points={'console_scripts': ['kneerepro = kneerepro.__main__:main']},
    python_requires='>=3.9,<3.14',
    install_requires=[
        'Theano==1.0.5',
        'Lasagne>=0.1',
        # From 1.24 on, Theano's C code does not compile.
        'numpy>=1.20,<1.24; python_version < "3.12"',
        'numpy>=2.0,<2.6; python_version >= "3.12"',
        'setuptools; python_version >= "3.12"',  # Theano: distutils
        'scipy>=1.8,<1.16; python_version < "3.12"',
        'scipy>=1.8,<1.19; python_version >= "3.12"',
        'six',  # Theano's, which it does not always declare
        'scipy-openblas32',  # the BLAS of Theano's C code
        'pydicom>=2.4,<4',
        'nibabel>=5.2,<6',  # NIfTI
        'h5py>=3.5',
        'matplotlib>=3.5',
        'scikit-image>=0.19',  # measures
        'scikit-learn>=1.2',  # predictions of labels
        'tqdm',
        'jinja2>=3',  # reports
        'shtab>=1.7',  # completion in shells
    ],
    extras_require={
        'codecs': ['python-gdcm>=3.2,<3.3'],  # of compressed DICOM
        # MetaImage and NRRD in; Parquet out
        'formats': ['SimpleITK>=2.4,<3', 'pyarrow>=15'],
        'torch': ['torch>=2.6'],  # the engine
        'tensorboard': ['tensorboardX'],  # --tensorboard
        'test': ['pynose', 'hypothesis', 'parameterized'],
    },
    classifiers=['Programming Language :: Python :: 3'],
)
