"""Read DICOM and other files: from files on disk to checked series."""
