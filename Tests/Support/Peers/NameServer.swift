import Foundation
package import Transport

/// A real name server (dnsmasq) on the loopback address. What it has no record of does not exist.
package final class NameServer {
    package let port: UInt16
    private var process: ChildProcess?

    /// - Parameters:
    ///   - hosts: names with an address each, and the time to live in seconds.
    ///   - services: `name,host,port,priority,weight`.
    ///   - ttl: of service records.
    package init(
        hosts: [(name: String, address: String, ttl: Int)] = [], services: [String] = [],
        ttl: Int = 30
    ) throws {
        // Known only to be free a moment ago: no one else asks for ports of 127.0.0.1 here.
        let listener = try Listener.loopback()
        port = listener.address.port ?? 0
        listener.descriptor.close()
        try start(hosts: hosts, services: services, ttl: ttl)
    }

    deinit { stop() }

    /// Where it is asked.
    package var address: SocketAddress { .ip4(octets: [127, 0, 0, 1], port: port) }

    package func start(
        hosts: [(name: String, address: String, ttl: Int)] = [], services: [String] = [],
        ttl: Int = 30
    ) throws {
        // Debian has it where only administrators look.
        let path = "PATH=\(ProcessInfo.processInfo.environment["PATH"] ?? ""):/usr/sbin"
        let process = try ChildProcess(
            [
                path, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
                "--no-hosts", "--log-facility=-", "--log-queries", "--local=/#/",
                "--bind-interfaces", "--listen-address=127.0.0.1", "--port=\(port)", "--pid-file=",
                "--local-ttl=\(ttl)",
            ] + hosts.map { "--host-record=\($0.name),\($0.address),\($0.ttl)" }
                + services.map { "--srv-host=\($0)" })
        self.process = process
        while !process.output.contains("started, version") { try process.checkPatience() }
    }

    package func stop() {
        process?.end()
        _ = try? process?.wait()
        process = nil
    }

    package func pause() { process?.pause() }

    package func goOn() { process?.goOn() }

    /// How often it was asked for something.
    package func asked(_ question: String) -> Int {
        (process?.output ?? "").components(separatedBy: "query[\(question) from").count - 1
    }
}
