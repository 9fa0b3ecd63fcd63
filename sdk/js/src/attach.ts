/**
 * Shows or plays a track in a `<video>` or `<audio>`: sets `srcObject`, and only when it has to, so that a picture
 * does not flicker. `undefined` clears it.
 */
export const attachTrack = (element: HTMLMediaElement, track: MediaStreamTrack | undefined): void => {
  const current = element.srcObject instanceof MediaStream ? element.srcObject.getTracks() : []
  if (!track) {
    if (element.srcObject) element.srcObject = null
  } else if (current.length !== 1 || current[0] !== track) {
    element.srcObject = new MediaStream([track])
  }
}
