// What echo-server.ts does, without Node: the floor of a data path in C++ that receives and sends many datagrams a call.
// Its argument is the peer's port on 127.0.0.1; prints its own. Ends when its input does.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <unordered_map>
#include <vector>

namespace {

constexpr int kBatch = 32;
constexpr size_t kMaxPacket = 2048;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int open() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const sockaddr_in address = loopback(0);
  const int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) exit(1);
  return fd;
}

int portOf(int fd) {
  sockaddr_in address;
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace

int main(int, char** given) {
  sockaddr_in peer = loopback(atoi(given[1]));
  const int listener = open();
  const int epoll = epoll_create1(0);
  const auto listen = [&](int fd) {
    epoll_event event{EPOLLIN, {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  listen(listener);
  listen(STDIN_FILENO);
  printf("%d\n", portOf(listener));
  fflush(stdout);

  std::unordered_map<uint16_t, int> relays;
  std::unordered_map<int, sockaddr_in> clients;
  std::vector<uint8_t> room(kBatch * kMaxPacket);
  sockaddr_in from[kBatch];
  iovec vectors[kBatch];
  mmsghdr packets[kBatch];
  // Every packet of a socket that is ready, each batch received in one call and sent in as few as there are sockets to send on.
  const auto relay = [&](int fd) {
    for (;;) {
      for (int i = 0; i < kBatch; i++) {
        vectors[i] = {room.data() + i * kMaxPacket, kMaxPacket};
        packets[i] = {{&from[i], sizeof from[i], &vectors[i], 1, nullptr, 0, 0}, 0};
      }
      const int got = recvmmsg(fd, packets, kBatch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < got;) {
        int out = listener;
        int end = got;
        if (fd == listener) {
          auto& known = relays[from[i].sin_port];
          if (known == 0) {
            known = open();
            listen(known);
            clients[known] = from[i];
            char text[8];
            const int length = snprintf(text, sizeof text, "%d", portOf(known));
            sendto(listener, text, length, 0, reinterpret_cast<sockaddr*>(&from[i]), sizeof from[i]);
            i++;
            continue;
          }
          out = known;
          for (end = i + 1; end < got && from[end].sin_port == from[i].sin_port;) end++;
        }
        for (int k = i; k < end; k++) {
          vectors[k].iov_len = packets[k].msg_len;
          packets[k].msg_hdr.msg_name = fd == listener ? &peer : &clients[fd];
        }
        sendmmsg(out, packets + i, end - i, 0);
        i = end;
      }
      if (got < kBatch) return;
    }
  };

  epoll_event ready[64];
  for (;;) {
    const int count = epoll_wait(epoll, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      if (ready[i].data.fd == STDIN_FILENO) return 0;
      relay(ready[i].data.fd);
    }
  }
}
