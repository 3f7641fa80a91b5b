"""`settings.yaml`, `scan`: which scanner looks into images, and what stops one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.definition.fields import Closed


class ScanSettings(Closed):
    """What the gate holds every image to."""

    scanner: Literal["trivy", "grype"] = Field("trivy", description="The program that scans.")
    block_at: Literal["critical", "high"] = Field(
        "critical", description="How bad a vulnerability is that stops an image, whether there is a fix or not."
    )
    end_of_life: Literal["critical", "high", "medium"] = Field(
        "critical", description="How bad it is that a base image's makers mend it no more."
    )
    database_days: int = Field(
        5, description="How old the scanner's database of vulnerabilities may be, in days.", ge=1, le=30, examples=[5]
    )
