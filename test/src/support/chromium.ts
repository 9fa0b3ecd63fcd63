/** Debian's browser itself; its wrapper script would add flags of its own. */
export const CHROMIUM = '/usr/lib/chromium/chromium'

/**
 * What of the browser is not for a test: Playwright's own list, of which Chromium would otherwise read nothing, and the two
 * pages that Chromium loads behind the address line of each window. Nobody types there, and they took more of the processor
 * than the browser, its window and an empty page together (1.9 s of 3.1 s for two windows).
 * https://source.chromium.org/chromium/chromium/src/+/main:chrome/browser/ui/omnibox/omnibox_next_features.cc
 */
const FEATURES_OFF = [
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable',
  'LensOverlay',
  'MediaRouter',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
]

/** A fake camera and microphone that nobody is asked about, and no calls home. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--metrics-recording-only',
  '--no-pings',
  '--disable-domain-reliability',
  `--disable-features=${FEATURES_OFF.join()}`,
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost',
]
