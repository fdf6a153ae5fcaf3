"""What is stored, and where it is used. Who may see a file follows from its uses (`access.py`)."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models


class Origin(models.TextChoices):
    """How a picture came to be: words in its pixels were written on the phone when it was shot, or by us afterwards."""

    CAMERA = "camera"
    ALBUM = "album"
    SYNTHETIC = "synthetic"


class StoredFile(models.Model):
    """One content. The bytes lie at `FILES_ROOT/ab/cd/<sha256>`; a small version of a photo at `<sha256>.small`."""

    sha256 = models.CharField(max_length=64, unique=True)
    content_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    width_px = models.PositiveIntegerField(null=True)
    height_px = models.PositiveIntegerField(null=True)
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.ALBUM)
    shot_at = models.DateTimeField(null=True)
    shot_lng = models.FloatField(null=True)
    shot_lat = models.FloatField(null=True)
    shot_accuracy_m = models.FloatField(null=True)
    stored_at = models.DateTimeField()
    stored_by = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def path(self) -> Path:
        return Path(settings.FILES_ROOT) / self.sha256[:2] / self.sha256[2:4] / self.sha256

    @property
    def small_path(self) -> Path:
        return self.path.with_name(f"{self.sha256}.small")


class FileUse(models.Model):
    """A file shown as part of something: `issue` 20260305-00012, `merchant` 17 …"""

    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="uses")
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "subject_kind", "subject_id"], name="file_used_once_a_subject")
        ]
        indexes = [models.Index(fields=["subject_kind", "subject_id"], name="file_use_subject")]

    def __str__(self) -> str:
        return f"{self.subject_kind}:{self.subject_id}"
