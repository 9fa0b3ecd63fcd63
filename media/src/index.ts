export { createHttpDesk } from './http-desk.ts'
export { createMedia, type Media, type MediaDeps } from './media.ts'
export { type OpenedStore, openStore, type StoreSettings } from './store/open.ts'
export type { ObjectStore } from './store/store.ts'
