import { isLoopback } from './addresses.ts'
import type { Platform } from './platform.ts'

const bold = (text: string) => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text)

/** What an operator wants to know the moment the platform is ready. */
export const banner = (platform: Platform, options: { host: string; readyMs: number }): string => {
  const { origin, firstApiKey, isDemo, dataFolder, warnings, announcedAddress, inviteRoom } = platform
  const shown = origin
    .replace('//0.0.0.0', `//${announcedAddress}`)
    .replace('//[::]', `//${announcedAddress}`)
  const lines = [
    '',
    `${bold(`  Trunkline is ready`)} (${(options.readyMs / 1000).toFixed(1)} s)`,
    '',
    `  Demo     ${bold(`${shown}/`)}`,
    `  Invite   ${bold(`${shown}/r/${inviteRoom}`)}`,
  ]
  if (firstApiKey) lines.push(`  API key  ${bold(firstApiKey)}  (shown only now: keep it)`)
  lines.push(`  Data     ${dataFolder}`, '')
  if (isDemo) lines.push('  Demo mode is on: whoever can reach this address may open any room as a guest.')
  if (!isLoopback(options.host) && origin.startsWith('http:')) {
    lines.push(
      '  Browsers give cameras only to secure pages, and this address is plain http: people elsewhere can chat but not',
      '  be seen. Start with `npm start -- --https`, or set TLS_CERT and TLS_KEY.',
    )
  }
  for (const warning of warnings) lines.push(`  ! ${warning}`)
  lines.push('  Ctrl-C ends it.', '')
  return lines.join('\n')
}
