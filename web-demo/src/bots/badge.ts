import type { User } from '@trunkline/sdk'
import { html, nothing } from 'lit'

/** Says of bots and hooks, beside their name, that no person writes there. */
export const botBadge = (user: Pick<User, 'kind'> | undefined) =>
  user?.kind === 'bot' ? html` <span class="bot-badge">Bot</span>` : nothing
