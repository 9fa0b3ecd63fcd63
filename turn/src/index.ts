export type { AllowedPeer, AllowedPeers, PeerMode } from './policy.ts'
export type { SelfTestResult } from './self-test.ts'
export { createTurn, type Turn, type TurnOptions, type TurnStats } from './turn.ts'
