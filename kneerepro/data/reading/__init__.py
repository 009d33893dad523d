"""DICOM and arrays as they come: from files to checked series."""
