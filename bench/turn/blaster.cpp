// The other side of `npm run bench turn`: clients and their peer in one process, cheap enough not to be what is measured.
// Compiled by bench/turn/blast.ts. Arguments, all required:
//
//   kind      send, data, channel-out, channel-in (TURN messages), raw-out, raw-in (bare payload, for the echo)
//   bytes     of payload in a packet
//   window    packets under way at most
//   rate      packets a second, 0 for as fast as the window lets them
//   seconds   measured, after half a second to warm up
//   pids      of the server, comma separated: their CPU time is read where the measured time starts and ends
//   server    port on 127.0.0.1
//   peer      port on 127.0.0.1
//   pairs     client port:relayed port, one argument for each client
//
// Prints one line of JSON: seconds, sent, received, lost, wrong, and the CPU time of the server and of itself in ns.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

constexpr int kBatch = 32;
// Packets one client sends in a row, as of a picture that does not fit in one.
constexpr int kRun = 4;
constexpr size_t kMaxPacket = 2048;
// What a payload begins with: the zero keeps node-turn from taking it for ChannelData.
constexpr uint8_t kMark[] = {0, 'p', 'a', 'y', 'l', 'o', 'a', 'd'};
constexpr int64_t kSecond = 1'000'000'000;
constexpr uint16_t kChannel = 0x4000;

struct Client {
  int socket;
  sockaddr_in relayed;
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

// CPU time of all threads of these processes, in ns.
int64_t cpu(const std::vector<std::string>& pids) {
  int64_t sum = 0;
  for (const auto& pid : pids) {
    const std::string tasks = "/proc/" + pid + "/task";
    DIR* folder = opendir(tasks.c_str());
    if (!folder) fail(tasks.c_str());
    while (dirent* entry = readdir(folder)) {
      if (entry->d_name[0] == '.') continue;
      FILE* file = fopen((tasks + "/" + entry->d_name + "/schedstat").c_str(), "r");
      long long ran = 0;
      if (file && fscanf(file, "%lld", &ran) == 1) sum += ran;
      if (file) fclose(file);
    }
    closedir(folder);
  }
  return sum;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bound(int port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const sockaddr_in address = loopback(port);
  const int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) fail("bind");
  return fd;
}

void put16(uint8_t* at, uint16_t value) {
  at[0] = value >> 8;
  at[1] = value & 255;
}

uint16_t get16(const uint8_t* at) { return at[0] << 8 | at[1]; }

// What stands before the payload in what is sent; the payload begins with kMark and is of `bytes` bytes.
size_t writeHeader(const std::string& kind, uint8_t* packet, size_t bytes, int peer) {
  if (kind == "channel-out") {
    put16(packet, kChannel);
    put16(packet + 2, bytes);
    return 4;
  }
  if (kind != "send") return 0;
  const size_t padded = (bytes + 3) & ~3;
  put16(packet, 0x0016);
  put16(packet + 2, 12 + 4 + padded);
  const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};
  memcpy(packet + 4, cookie, 4);
  memset(packet + 8, 7, 12);
  put16(packet + 20, 0x0012);
  put16(packet + 22, 8);
  put16(packet + 24, 1);
  put16(packet + 26, peer ^ 0x2112);
  const uint8_t address[] = {127, 0, 0, 1};
  for (int i = 0; i < 4; i++) packet[28 + i] = address[i] ^ cookie[i];
  put16(packet + 32, 0x0013);
  put16(packet + 34, bytes);
  return 36;
}

// Whether a packet that came out holds the payload in the form it should have.
bool isRight(const std::string& kind, const uint8_t* packet, size_t length, size_t bytes) {
  size_t at = 0;
  if (kind == "channel-in") {
    at = 4;
    if (length < at + bytes || get16(packet) != kChannel || get16(packet + 2) != bytes) return false;
  } else if (kind == "data") {
    // XOR-PEER-ADDRESS and DATA, in either order, perhaps with SOFTWARE: what matters is the DATA.
    if (length < 20 || get16(packet) != 0x0017) return false;
    for (at = 20; at + 4 <= length && get16(packet + at) != 0x0013;) at += 4 + ((get16(packet + at + 2) + 3) & ~3);
    if (at + 4 + bytes > length || get16(packet + at + 2) != bytes) return false;
    at += 4;
  } else if (length != bytes) {
    return false;
  }
  return memcmp(packet + at, kMark, sizeof kMark) == 0;
}

}  // namespace

int main(int count, char** given) {
  if (count < 10) return fprintf(stderr, "see the top of blaster.cpp\n"), 2;
  const std::string kind = given[1];
  const size_t bytes = atoi(given[2]);
  const int64_t window = atoi(given[3]);
  const int64_t rate = atoi(given[4]);
  const int64_t measured = static_cast<int64_t>(atof(given[5]) * kSecond);
  std::vector<std::string> pids;
  for (char* pid = strtok(given[6], ","); pid; pid = strtok(nullptr, ",")) pids.push_back(pid);
  const sockaddr_in server = loopback(atoi(given[7]));
  const int peerPort = atoi(given[8]);
  const int peer = bound(peerPort);
  std::vector<Client> clients;
  for (int i = 9; i < count; i++) {
    const int fd = bound(atoi(given[i]));
    clients.push_back({fd, loopback(atoi(strchr(given[i], ':') + 1))});
  }
  const bool isOut = kind == "send" || kind == "channel-out" || kind == "raw-out";

  const int epoll = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  const auto listen = [&](int fd) {
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  if (isOut) listen(peer);
  else for (const auto& client : clients) listen(client.socket);

  // Every packet is the same; only where it goes differs.
  std::vector<uint8_t> packet(kMaxPacket);
  const size_t header = writeHeader(kind, packet.data(), bytes, peerPort);
  memcpy(packet.data() + header, kMark, sizeof kMark);
  iovec out{packet.data(), header + (header == 36 ? (bytes + 3) & ~3 : bytes)};
  mmsghdr outgoing[kBatch]{};
  std::vector<uint8_t> room(kBatch * kMaxPacket);
  iovec in[kBatch];
  mmsghdr incoming[kBatch]{};
  for (int i = 0; i < kBatch; i++) {
    outgoing[i].msg_hdr.msg_iov = &out;
    outgoing[i].msg_hdr.msg_iovlen = 1;
    outgoing[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    in[i] = {room.data() + i * kMaxPacket, kMaxPacket};
    incoming[i].msg_hdr.msg_iov = &in[i];
    incoming[i].msg_hdr.msg_iovlen = 1;
  }

  size_t turn = 0;
  int inRun = 0;
  const auto nextClient = [&]() -> const Client& {
    if (inRun++ == kRun) {
      inRun = 1;
      turn = (turn + 1) % clients.size();
    }
    return clients[turn];
  };
  // Sends at most so many; returns how many went.
  const auto send = [&](int64_t most) -> int64_t {
    int fd = peer;
    int batch = 0;
    if (isOut) {
      // One call is for one socket: at most the rest of a client's run.
      if (inRun == kRun) {
        inRun = 0;
        turn = (turn + 1) % clients.size();
      }
      fd = clients[turn].socket;
      for (; batch < most && inRun < kRun; batch++, inRun++) {
        outgoing[batch].msg_hdr.msg_name = const_cast<sockaddr_in*>(&server);
      }
    } else {
      for (; batch < most && batch < kBatch; batch++) {
        outgoing[batch].msg_hdr.msg_name = const_cast<sockaddr_in*>(&nextClient().relayed);
      }
    }
    const int went = sendmmsg(fd, outgoing, batch, 0);
    // ECONNREFUSED is about an earlier packet, and the network being full is what a loss is.
    return went < 0 ? 0 : went;
  };

  int64_t sent = 0, received = 0, wrong = 0, underWay = 0;
  const auto receive = [&](int fd) {
    for (;;) {
      const int got = recvmmsg(fd, incoming, kBatch, MSG_DONTWAIT, nullptr);
      if (got <= 0) return;
      for (int i = 0; i < got; i++) {
        if (isRight(kind, static_cast<uint8_t*>(in[i].iov_base), incoming[i].msg_len, bytes)) received++;
        else wrong++;
        if (underWay > 0) underWay--;
      }
      if (got < kBatch) return;
    }
  };

  epoll_event ready[64];
  const auto listenFor = [&](int64_t ns) {
    const timespec wait{ns / kSecond, ns % kSecond};
    const int events = epoll_pwait2(epoll, ready, 64, &wait, nullptr);
    for (int i = 0; i < events; i++) receive(ready[i].data.fd);
    return events;
  };
  int64_t lastHeard = now();
  const auto run = [&](int64_t length) {
    const int64_t start = now(), end = start + length;
    int64_t made = 0;
    for (int64_t time = start; time < end; time = now()) {
      int64_t most = window - underWay;
      if (rate > 0) {
        const int64_t due = (time - start) * rate / kSecond - made;
        if (due < most) most = due;
      }
      while (most > 0) {
        const int64_t went = send(most);
        if (went == 0) break;
        most -= went;
        made += went;
        sent += went;
        underWay += went;
      }
      const int64_t next = rate > 0 ? start + (made + 1) * kSecond / rate - now() : kSecond / 20;
      if (listenFor(next > 1000 ? next : 1000) > 0) lastHeard = now();
      else if (underWay > 0 && now() - lastHeard > kSecond / 4) {
        // Nothing for so long: what is under way is taken for lost, and the window is opened again.
        underWay = 0;
        lastHeard = now();
      }
    }
    return now() - start;
  };

  run(kSecond / 2);
  const int64_t before = sent - received - wrong;
  sent = received = wrong = 0;
  timespec own0, own1;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own0);
  const int64_t used = cpu(pids);
  const int64_t length = run(measured);
  const int64_t spent = cpu(pids) - used;
  const int64_t relayed = received;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own1);
  while (listenFor(kSecond / 5) > 0) {
  }
  const int64_t lost = before + sent - received - wrong;
  printf("{\"seconds\":%.6f,\"sent\":%lld,\"received\":%lld,\"lost\":%lld,\"wrong\":%lld,\"cpu\":%lld,\"own\":%lld}\n",
         length / 1e9, static_cast<long long>(sent), static_cast<long long>(relayed), static_cast<long long>(lost),
         static_cast<long long>(wrong), static_cast<long long>(spent),
         static_cast<long long>((own1.tv_sec - own0.tv_sec) * kSecond + own1.tv_nsec - own0.tv_nsec));
}
