import { ServerResponse } from 'node:http'
import { cutConnection, sendProblem } from '@trunkline/kit'
import { LIVE_PATH, ROUTES, TrunklineError, UPLOADS_PATH } from '@trunkline/protocol'
import type { Request, Response } from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'

/** How long the media service may be silent, ms. */
const SILENCE_MS = 60_000

const MEDIA_ROUTES = [
  ROUTES.createFile,
  ROUTES.listFiles,
  ROUTES.getFile,
  ROUTES.getFileVariant,
  ROUTES.deleteFile,
  ROUTES.getLinkedFile,
  ROUTES.putRoomAvatar,
  ROUTES.putUserAvatar,
  ROUTES.deleteRoomAvatar,
  ROUTES.deleteUserAvatar,
  ROUTES.getAvatar,
].map(route => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`))

/** What media serves: its routes, and uploads by tus and streams, which are no routes of ours. */
const isMedia = (path: string): boolean =>
  path === UPLOADS_PATH ||
  [UPLOADS_PATH, LIVE_PATH].some(folder => path.startsWith(`${folder}/`)) ||
  MEDIA_ROUTES.some(route => route.test(path))

/** Passes the routes of files on to a media service of its own, so that clients know one origin only. */
export const proxyTo = (mediaUrl: string) =>
  createProxyMiddleware<Request, Response>({
    target: mediaUrl,
    changeOrigin: true,
    proxyTimeout: SILENCE_MS,
    pathFilter: isMedia,
    on: {
      // A download that media breaks off, of somebody who may not go on with it, ends here as well and not once all that waits
      // on the way is read.
      proxyRes: (answer, _request, response) => {
        answer.once('aborted', () => cutConnection(response))
      },
      // The proxy's own words would be no error of the contract, and name an address of the inside.
      error: (cause, request, response) => {
        if (!(response instanceof ServerResponse)) return
        if (response.headersSent) response.destroy()
        else {
          const detail = 'Files cannot be reached right now. Try again in a moment.'
          sendProblem(request, response, new TrunklineError('unavailable', detail, { cause }))
        }
      },
    },
  })
