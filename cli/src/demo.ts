import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import express, { type Request, type Response } from 'express'
import type { Composition } from './platform.ts'

const DIST = fileURLToPath(new URL('../../web-demo/dist', import.meta.url))

/**
 * Serves the web demo: `/`, `/r/<room>`, `/chat`, `/check`, `/watch/<stream>/<key>` and its assets, whose names carry their hash.
 * @param isDemo whether anybody may open rooms: the front page offers nothing that would be refused
 */
export const mountDemo = ({ app, warnings }: Composition, isDemo: boolean): void => {
  const page = join(DIST, 'index.html')
  if (!existsSync(page)) {
    warnings.push('The web demo is not built: run `npm start` once, it builds it.')
    return
  }
  app.use('/assets', express.static(join(DIST, 'assets'), { immutable: true, maxAge: '1y', index: false }))
  app.use(express.static(DIST, { index: false }))
  const html = readFileSync(page, 'utf8').replace('<html', isDemo ? '<html' : '<html data-demo="off"')
  const show = (status: number) => (_request: Request, response: Response) => {
    response.status(status).setHeader('Cache-Control', 'no-cache')
    response.type('html').send(html)
  }
  app.get(['/', '/r/:room', '/chat', '/chat/:room', '/check', '/watch/:stream/:key'], show(200))
  // A wrong link opened in a browser gets a page that says so; programs get their problem+json.
  app.get(/^\/(?!v1\/)/, (request, response, next) => {
    if (request.accepts(['json', 'html']) === 'html') show(404)(request, response)
    else next()
  })
}
