// A web server on this machine's loopback interface, for the download tests.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weft {

class HttpServer {
 public:
  struct File {
    std::string body;
    std::size_t cut_after = std::string::npos;  ///< the first answer breaks off after so many bytes
    bool ranges = true;                         ///< understands "Range: bytes=N-"
    bool stalls = false;                        ///< sends 10 bytes, then nothing
    bool silent = false;                        ///< never answers
  };

  explicit HttpServer(std::map<std::string, File> files) : files_(std::move(files)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0)
      std::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }

  std::string url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/" + path;
  }
  /// What was asked for, as "name" or "name@first byte".
  std::vector<std::string> requests() const {
    std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  static bool readable(int fd, int milliseconds) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, milliseconds) > 0;
  }
  void serve() {
    while (!stop_) {
      if (!readable(listener_, 20)) continue;
      const int client = ::accept(listener_, nullptr, nullptr);
      answer(client);
      ::close(client);
    }
  }
  static void send_all(int client, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = ::send(client, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }
  void answer(int client) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = readable(client, 1000) ? ::recv(client, buffer, sizeof buffer, 0) : 0;
      if (n <= 0) return;
      request.append(buffer, static_cast<std::size_t>(n));
    }
    const std::string name = request.substr(5, request.find(' ', 5) - 5);
    std::size_t from = 0;
    if (const auto at = request.find("Range: bytes="); at != std::string::npos)
      from = std::stoul(request.substr(at + 13));
    {
      std::scoped_lock lock(mutex_);
      requests_.push_back(from ? name + "@" + std::to_string(from) : name);
    }
    const auto found = files_.find(name);
    if (found == files_.end())
      return send_all(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    File& file = found->second;
    if (!file.ranges) from = 0;
    if (from && from >= file.body.size())
      return send_all(client, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    std::string body = file.body.substr(from);
    std::string head = from ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                                  std::to_string(file.body.size() - 1) + "/" + std::to_string(file.body.size()) + "\r\n"
                            : "HTTP/1.1 200 OK\r\n";
    head += "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n";
    if (file.stalls || file.silent) {
      if (!file.silent) send_all(client, head + body.substr(0, 10));
      while (!stop_ && !readable(client, 20)) {
      }
      return;
    }
    if (file.cut_after != std::string::npos) {
      body.resize(file.cut_after);
      file.cut_after = std::string::npos;
    }
    send_all(client, head + body);
  }

  std::map<std::string, File> files_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace weft
