// Where the phone is, if its owner lets it say so.

const WAIT = 6000;

export interface Place {
  lng: number;
  lat: number;
  accuracy: number;
}

/** Where the phone is now; null where it does not know, may not say, or takes too long. */
export function locate(): Promise<Place | null> {
  if (!("geolocation" in navigator)) return Promise.resolve(null);
  return new Promise((resolve) => {
    window.setTimeout(() => resolve(null), WAIT * 2); // some WebViews never call back
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lng: coords.longitude, lat: coords.latitude, accuracy: coords.accuracy }),
      () => resolve(null),
      { enableHighAccuracy: true, timeout: WAIT, maximumAge: 30_000 },
    );
  });
}
