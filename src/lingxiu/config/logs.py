"""One structured line an event, with `action=`; no personal data in any of them."""

from __future__ import annotations

import logging
import os
import sys

import structlog


def configure_logs() -> None:
    """Log to stderr: key=value lines, or JSON with LINGXIU_LOG=json. The level comes from LINGXIU_LOG_LEVEL (INFO)."""
    level = logging.getLevelNamesMapping().get(os.environ.get("LINGXIU_LOG_LEVEL", "INFO").upper(), logging.INFO)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    line: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if os.environ.get("LINGXIU_LOG") == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "action"], drop_missing=True)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("action"),
                line,
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("procrastinate", "axes", "PIL", "fontTools"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
