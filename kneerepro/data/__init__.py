"""From DICOM series to the thesis's 5-D dataset (sections 2.1 and 2.2)."""
