"""The tests' projection as a setting can name it."""

from tests.operating.notes import Notes

NOTES = Notes()
