export type { AllowedPeer, PeerMode } from './access/policy.ts'
export type { SelfTestReport, SelfTestResult } from './check/self-test.ts'
export { createTurnFleet } from './fleet/fleet.ts'
export { createTurn, type Turn, type TurnOptions, type TurnStats } from './turn.ts'
