"""Read DICOM files and arrays: from files on disk to checked series."""
