"""DICOM series become NIfTI images, by dcm2niix."""
