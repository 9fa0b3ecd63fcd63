import { Counter, Gauge, type Metrics } from '@trunkline/kit'

/** What the copy of the log in another place is doing. */
export class SinkMetrics {
  readonly #events: Counter<'sink'>
  readonly #confirmed: Gauge<'sink'>
  readonly #failures: Counter<'sink'>

  constructor(metrics: Metrics) {
    const registers = [metrics]
    const labelNames = ['sink' as const]
    this.#events = new Counter({
      name: 'trunkline_event_sink_events_total',
      help: 'Events that this process copied',
      labelNames,
      registers,
    })
    this.#confirmed = new Gauge({
      name: 'trunkline_event_sink_confirmed_timestamp_seconds',
      help: 'When the sink last took something of this process, if only that it is at work: at least every few seconds of the one that writes',
      labelNames,
      registers,
    })
    this.#failures = new Counter({
      name: 'trunkline_event_sink_failures_total',
      help: 'How often this process could not copy, and began again',
      labelNames,
      registers,
    })
  }

  put(sink: string, events: number): void {
    this.#events.inc({ sink }, events)
    this.#confirmed.set({ sink }, Date.now() / 1_000)
  }

  failed(sink: string): void {
    this.#failures.inc({ sink })
  }
}
