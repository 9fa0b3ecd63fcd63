#!/usr/bin/env node
import './fast-loading.ts'

// Only now: what is imported statically would be read before the line above is run.
await import('./program.ts')
