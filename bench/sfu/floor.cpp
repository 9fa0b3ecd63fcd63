// The floor of an SFU: one thread that receives a packet, decrypts it, and for each of its viewers encrypts and sends it.
// No rooms, no signalling, no RTCP, no header rewritten. Compiled by bench/sfu/floor.ts. Arguments, all required:
//
//   profile    gcm (AEAD_AES_128_GCM) or sha1 (AES_CM_128_HMAC_SHA1_80)
//   batch      packets a call of sendmmsg may take; 1 for a call of sendto for each
//   senders    each is received by all others
//   receivers  of whom the senders are the first
//   rate       packets a second of each sender
//   bytes      of an RTP packet
//   seconds    measured, after half a second to warm up
//
// Prints one line of JSON: packets sent on, how many arrived, CPU time of the loop in ns, and of the other side.
#include <arpa/inet.h>
#include <errno.h>
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <vector>

namespace {

constexpr size_t kMaxPacket = 2048;
constexpr int kMaxBatch = 64;
constexpr int64_t kSecond = 1'000'000'000;

// What both processes see of each other.
struct Shared {
  std::atomic<bool> measuring, measured, done;
  std::atomic<int64_t> forwarded, cpu;
};

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

int64_t cpuTime() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

int bound(sockaddr_in* address) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  memset(address, 0, sizeof *address);
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(address), sizeof *address) < 0) fail("bind");
  socklen_t length = sizeof *address;
  getsockname(fd, reinterpret_cast<sockaddr*>(address), &length);
  return fd;
}

// A session with a key of its own: in one direction, for whatever SSRC.
srtp_t session(bool gcm, srtp_ssrc_type_t direction, uint8_t seed) {
  static uint8_t keys[256][64];
  memset(keys[seed], seed + 1, sizeof keys[seed]);
  srtp_policy_t policy{};
  if (gcm) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  } else {
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
  }
  policy.ssrc.type = direction;
  policy.key = keys[seed];
  policy.window_size = 1024;
  srtp_t made;
  if (srtp_create(&made, &policy) != srtp_err_status_ok) fail("srtp_create");
  return made;
}

struct Loop {
  int fd;
  std::vector<sockaddr_in> receivers;
  std::vector<uint16_t> senderPorts;
  std::vector<srtp_t> in, out;
  int batch;
};

void serve(Loop& loop, Shared* shared) {
  std::vector<std::vector<uint8_t>> room(kMaxBatch, std::vector<uint8_t>(kMaxPacket));
  iovec pieces[kMaxBatch];
  mmsghdr waiting[kMaxBatch]{};
  for (int i = 0; i < kMaxBatch; i++) {
    waiting[i].msg_hdr.msg_iov = &pieces[i];
    waiting[i].msg_hdr.msg_iovlen = 1;
    waiting[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
  }
  int held = 0;
  int64_t forwarded = 0;
  const auto flush = [&] {
    for (int at = 0; at < held;) {
      const int went = sendmmsg(loop.fd, waiting + at, held - at, 0);
      if (went <= 0) break;
      at += went;
    }
    held = 0;
  };
  const int epoll = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, loop.fd, &event);
  bool measuring = false;
  int64_t cpu0 = 0, forwarded0 = 0;
  uint8_t packet[kMaxPacket];
  while (!shared->done) {
    if (measuring != shared->measuring) {
      measuring = shared->measuring;
      if (measuring) {
        cpu0 = cpuTime();
        forwarded0 = forwarded;
      } else {
        shared->cpu = cpuTime() - cpu0;
        shared->forwarded = forwarded - forwarded0;
        shared->measured = true;
      }
    }
    epoll_event ready;
    if (epoll_wait(epoll, &ready, 1, 20) <= 0) continue;
    for (;;) {
      sockaddr_in from;
      socklen_t length = sizeof from;
      const ssize_t got = recvfrom(loop.fd, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got <= 0) break;
      size_t sender = 0;
      while (sender < loop.senderPorts.size() && loop.senderPorts[sender] != from.sin_port) sender++;
      int plain = got;
      if (sender == loop.senderPorts.size() || srtp_unprotect(loop.in[sender], packet, &plain) != srtp_err_status_ok) continue;
      for (size_t i = 0; i < loop.receivers.size(); i++) {
        if (i == sender) continue;
        uint8_t* copy = room[held].data();
        memcpy(copy, packet, plain);
        int whole = plain;
        if (srtp_protect(loop.out[i], copy, &whole) != srtp_err_status_ok) continue;
        forwarded++;
        if (loop.batch == 1) {
          sendto(loop.fd, copy, whole, 0, reinterpret_cast<sockaddr*>(&loop.receivers[i]), sizeof(sockaddr_in));
          continue;
        }
        pieces[held] = {copy, static_cast<size_t>(whole)};
        waiting[held].msg_hdr.msg_name = &loop.receivers[i];
        if (++held == loop.batch) flush();
      }
      flush();
    }
  }
}

}  // namespace

int main(int count, char** given) {
  if (count != 8) return fprintf(stderr, "see the top of floor.cpp\n"), 2;
  const bool gcm = strcmp(given[1], "gcm") == 0;
  const int batch = atoi(given[2]), senders = atoi(given[3]), receivers = atoi(given[4]), rate = atoi(given[5]);
  const size_t bytes = atoi(given[6]);
  const int64_t measured = static_cast<int64_t>(atof(given[7]) * kSecond);
  if (batch < 1 || batch > kMaxBatch || senders > 120 || receivers > 250) return fprintf(stderr, "too many\n"), 2;
  srtp_init();
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* shared = new (memory) Shared{};

  sockaddr_in server;
  Loop loop{bound(&server), {}, {}, {}, {}, batch};
  std::vector<int> sending, receiving;
  std::vector<srtp_t> protect;
  for (int i = 0; i < senders; i++) {
    sockaddr_in address;
    sending.push_back(bound(&address));
    loop.senderPorts.push_back(address.sin_port);
    loop.in.push_back(session(gcm, ssrc_any_inbound, i));
    protect.push_back(session(gcm, ssrc_any_outbound, i));
  }
  for (int i = 0; i < receivers; i++) {
    sockaddr_in address;
    receiving.push_back(bound(&address));
    loop.receivers.push_back(address);
    loop.out.push_back(session(gcm, ssrc_any_outbound, i));
  }

  const pid_t child = fork();
  if (child == 0) {
    serve(loop, shared);
    _exit(0);
  }

  const int epoll = epoll_create1(0);
  for (int fd : receiving) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  static uint8_t sink[64][kMaxPacket];
  static iovec into[64];
  static mmsghdr incoming[64];
  for (int i = 0; i < 64; i++) {
    into[i] = {sink[i], kMaxPacket};
    incoming[i].msg_hdr.msg_iov = &into[i];
    incoming[i].msg_hdr.msg_iovlen = 1;
  }
  int64_t arrived = 0;
  const auto drain = [&](int ms) {
    epoll_event ready[64];
    const int events = epoll_wait(epoll, ready, 64, ms);
    for (int i = 0; i < events; i++) {
      for (int got = 64; got == 64;) {
        got = recvmmsg(ready[i].data.fd, incoming, 64, MSG_DONTWAIT, nullptr);
        if (got > 0) arrived += got;
      }
    }
    return events;
  };

  std::vector<uint16_t> sequence(senders);
  uint8_t packet[kMaxPacket]{};
  const auto run = [&](int64_t length) {
    const int64_t start = now();
    int64_t made = 0;
    while (now() - start < length) {
      const int64_t due = (now() - start) * rate / kSecond;
      if (made >= due) {
        drain(1);
        continue;
      }
      made++;
      for (int i = 0; i < senders; i++) {
        packet[0] = 0x80;
        packet[1] = 96;
        packet[2] = sequence[i] >> 8;
        packet[3] = sequence[i]++ & 255;
        packet[11] = i + 1;
        memset(packet + 12, 7, bytes - 12);
        int whole = bytes;
        srtp_protect(protect[i], packet, &whole);
        sendto(sending[i], packet, whole, 0, reinterpret_cast<sockaddr*>(&server), sizeof server);
        if (i % 4 == 3) drain(0);
      }
    }
  };
  run(kSecond / 2);
  arrived = 0;
  shared->measuring = true;
  const int64_t own0 = cpuTime(), start = now();
  run(measured);
  const int64_t length = now() - start, own = cpuTime() - own0;
  shared->measuring = false;
  while (drain(100) > 0 || !shared->measured) {
  }
  shared->done = true;
  waitpid(child, nullptr, 0);
  printf("{\"seconds\":%.6f,\"forwarded\":%lld,\"received\":%lld,\"cpu\":%lld,\"own\":%lld}\n", length / 1e9,
         static_cast<long long>(shared->forwarded.load()), static_cast<long long>(arrived), static_cast<long long>(shared->cpu.load()),
         static_cast<long long>(own));
}
