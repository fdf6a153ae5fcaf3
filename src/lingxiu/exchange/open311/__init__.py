"""Open311 GeoReport v2, for complaints from other city systems: `/open311/v2/…`, in JSON and XML."""
