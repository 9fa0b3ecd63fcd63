import { type MessagePost, TrunklineError, type User } from '@trunkline/protocol'

/**
 * Buttons and forms are of use where somebody answers them.
 * @throws TrunklineError `forbidden` for who is no bot
 */
export const assertMayOffer = ({ kind }: User, { controls }: Pick<MessagePost, 'controls'>): void => {
  if (controls === undefined || kind === 'bot') return
  throw new TrunklineError('forbidden', 'Only bots put buttons and forms below what they say.')
}
