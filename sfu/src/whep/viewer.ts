import type { types } from 'mediasoup'

/** Somebody who watches by WHEP: where it is sent what it sees and hears. */
export type Viewer = {
  transport: types.WebRtcTransport
  /** What packets of the two kinds say where the engine writes the id of a media section. */
  mids: { audio?: string | undefined; video?: string | undefined }
}
