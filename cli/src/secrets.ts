import type { Vault } from '@trunkline/signalling'
import type { Settings } from './settings.ts'

/** Shared with every TURN server of the installation, ours or coturn. The first mints, each is accepted. */
export const turnSecrets = (settings: Settings, vault: Vault): readonly string[] =>
  settings.TURN_SECRET ?? [vault.key('turn').toString('base64url')]

/** Shared by signalling and SFU processes. */
export const linkSecret = (vault: Vault): string => vault.key('link').toString('hex')

/** Signs links to files, in all media processes alike. */
export const fileLinkKey = (vault: Vault): Buffer => vault.key('file links')
