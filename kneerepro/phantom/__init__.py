"""Synthetic knee MRI, for running everything without images of patients."""

from kneerepro.phantom.imaging import knee_volume
from kneerepro.phantom.writer import write_patients

__all__ = ['knee_volume', 'write_patients']
