import { basename, dirname } from 'node:path'

/** One translation unit: a single source file, or several that are included one after the other. */
export interface Unit {
  /** File name without suffix, unique within the build. */
  readonly name: string
  /** Absolute paths. */
  readonly sources: readonly string[]
}

/** Sources per unit. More of them save header parsing, but leave one core idle at the end of the build. */
const GROUP_SIZE = 12

/**
 * Files whose file-level names collide with those of a neighbour. Not the truth, a saving: a group that does
 * not compile falls back to its single files anyway.
 */
const LONERS = new Set([
  'src/DepLibWebRTC.cpp',
  'src/Settings.cpp',
  'src/RTC/BWE/LossBasedController.cpp',
  'src/RTC/BWE/TargetRateController.cpp',
  'src/RTC/PlainTransport.cpp',
  'src/RTC/WebRtcTransport.cpp',
  'src/RTC/RTCP/Feedback.cpp',
  'src/RTC/RTP/RtxStream.cpp',
  'src/RTC/SCTP/association/TransmissionControlBlock.cpp',
  'src/RTC/SvcProducerStreamManager.cpp',
  'src/RTC/TransportCongestionControlServer.cpp',
  'src/handles/TcpServerHandle.cpp',
  'src/handles/UdpSocketHandle.cpp',
  'src/handles/UnixStreamSocketHandle.cpp',
  'libwebrtc/modules/congestion_controller/goog_cc/trendline_estimator.cc',
])

export interface Source {
  /** As meson.build names it, which decides the grouping. */
  readonly name: string
  /** Absolute path of the file to compile, which may be a patched copy. */
  readonly path: string
}

/** Groups sources of one folder, in the given order. A unit named in `split` becomes one unit per file. */
export function groupSources(sources: readonly Source[], split: ReadonlySet<string> = new Set()): Unit[] {
  const units: Unit[] = []
  const folders = new Map<string, Source[]>()
  for (const source of sources) {
    if (LONERS.has(source.name)) units.push(single(source))
    else folders.set(dirname(source.name), [...(folders.get(dirname(source.name)) ?? []), source])
  }
  for (const [folder, files] of folders) {
    for (let start = 0; start < files.length; start += GROUP_SIZE) {
      const group = files.slice(start, start + GROUP_SIZE)
      const name = `${flat(folder)}-${start / GROUP_SIZE + 1}`
      if (group.length === 1 || split.has(name)) units.push(...group.map(single))
      else units.push({ name, sources: group.map(source => source.path) })
    }
  }
  return units
}

/** The text of a unit that includes several files; each of them defines MS_CLASS for its log lines. */
export function unitText(unit: Unit): string {
  return unit.sources.map(path => `#include "${path}"\n#undef MS_CLASS\n`).join('')
}

function single(source: Source): Unit {
  return { name: `${flat(dirname(source.name))}-${basename(source.name)}`, sources: [source.path] }
}

function flat(path: string): string {
  return path.replaceAll('/', '-')
}
