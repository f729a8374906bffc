"""The jobs that join the rooms: frames from ``models``, verdicts from ``spatial``, findings back to ``models``.

Each job takes the date it speaks of; none reads a clock to decide anything.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.output import plain
from api.settings import Settings
from ingest.loader import load_files
from ingest.report import UploadReport
from maps.layers import MapLayers
from models import cluster, database, queries
from spatial.assessment import GroupAssessment, SectionAssessment, assess_groups, assess_sections
from spatial.distance import measure_distances, shorelines_in_force
from spatial.evaluators import Facts, evaluate_rules, required_periods
from spatial.findings import Finding
from spatial.period import Period, parse_period
from spatial.rulebook import Rulebook, load_rulebook
from spatial.scoreboard import TargetScore, score_targets
from spatial.standards import load_standard
from spatial.zones import buffer_zones
