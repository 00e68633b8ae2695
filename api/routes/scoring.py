"""Scores of records that need not be in the lake."""

from fastapi import APIRouter

router = APIRouter(prefix="/scores", tags=["scores"])
