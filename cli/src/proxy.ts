import { ROUTES } from '@trunkline/protocol'
import { createProxyMiddleware } from 'http-proxy-middleware'

const FILE_ROUTES = [ROUTES.createFile, ROUTES.getFile, ROUTES.getThumbnail].map(
  route => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
)

/** Passes the routes of files on to a media service of its own, so that clients know one origin only. */
export const proxyTo = (mediaUrl: string) =>
  createProxyMiddleware({
    target: mediaUrl,
    changeOrigin: true,
    pathFilter: path => FILE_ROUTES.some(route => route.test(path)),
  })
