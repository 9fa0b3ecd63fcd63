import { launchBrowser, type Visitor, visit } from './browser.ts'
import { CHROMIUM } from './chromium.ts'
import { type Host, MEDIA_PORT, type Network, SERVER_ADDRESS } from './network.ts'
import { startServer, type TestServer } from './server.ts'

const PORT = 3000

/** Where pages on a test's network find the server. */
export const ORIGIN = `http://${SERVER_ADDRESS}:${PORT}`

/** Starts the server of a network: all of it, or these services. */
export const startOn = (
  network: Network,
  env: Record<string, string> = {},
  services?: string[],
): Promise<TestServer> =>
  startServer({
    ...(services && { services }),
    namespace: network.server,
    env: {
      HOST: SERVER_ADDRESS,
      PORT: String(PORT),
      RTC_PORT: String(MEDIA_PORT),
      // Other than on the loopback address, who wants rooms of everybody's own making has to say so.
      TRUNKLINE_DEMO: '1',
      ...env,
    },
  })

/** Starts an SFU on another computer of the network, one of several that meet in a Redis. */
export const startSfuOn = ({ namespace, line }: Host, env: Record<string, string>): Promise<TestServer> =>
  startServer({
    services: ['sfu'],
    namespace,
    env: { HOST: line.address, PORT: String(PORT), RTC_PORT: String(MEDIA_PORT), ...env },
  })

/**
 * A browser on a computer of the network. Its page may use camera and microphone though it is not https; the camera gives
 * 20 pictures a second, so that what a line does to them can be counted.
 */
export const browse = async (host: Host, room: string, name: string): Promise<Visitor> => {
  const flags = [
    `--unsafely-treat-insecure-origin-as-secure=${ORIGIN}`,
    `--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE ${SERVER_ADDRESS}`,
    '--use-fake-device-for-media-stream=fps=20',
  ]
  const browser = await launchBrowser(undefined, flags, host.launcher(CHROMIUM))
  return visit(browser, `${ORIGIN}/r/${room}?name=${name}`, name)
}
