import Clock
package import TLS
package import Transport

/// One `openssl s_client` that connects to a TLS stream of ours.
package final class TLSVisit {
    package let client: ChildProcess
    package let server: StreamDriver

    /// - Parameters:
    ///   - options: of s_client, beside the address.
    ///   - input: what it reads. Unless `-quiet` is among the options, lines that begin with K, Q
    ///     or R are commands.
    package init(
        to context: TLSContext, engine: TLSEngine = TLSEngine(), _ options: [String],
        input: String = ""
    ) throws {
        let listener = try Listener.loopback()
        let port = listener.address.port ?? 0
        client = try ChildProcess(
            ["openssl", "s_client", "-connect", "127.0.0.1:\(port)"] + options, input: input)
        server = try StreamDriver(Stream(listener.next(), tls: context, engine: engine))
    }

    /// Waits for the handshake or its failure.
    /// - Returns: true when it succeeded.
    @discardableResult
    package func shakeHands() throws -> Bool {
        try server.run { $0.stream.isEstablished || $0.ending != nil }
        return server.stream.isEstablished
    }

    /// Ends the stream in order, if it can be, and waits for the client to end.
    package func finish() throws {
        server.stream.finishSending()
        try server.run { _ in
            try client.checkPatience()
            return !client.isRunning
        }
        server.stream.close()
    }

    /// A whole visit: hands are shaken, the server says one line and both end.
    package static func run(to context: TLSContext, _ options: [String] = []) throws -> Outcome {
        let visit = try TLSVisit(to: context, options)
        let isEstablished = try visit.shakeHands()
        if isEstablished { visit.server.send("hello\n") }
        let ending = visit.server.ending
        try visit.finish()
        return Outcome(
            isEstablished: isEstablished, ending: ending, output: visit.client.output)
    }

    package struct Outcome {
        package var isEstablished: Bool
        /// How the stream ended before the server ended it.
        package var ending: Stream.ReceiveResult?
        /// Everything s_client printed.
        package var output: String

        /// `TLSv1.3`
        package var version: String? { word(after: "New, ") ?? word(after: "Reused, ") }
        package var isReused: Bool { output.contains("Reused, TLS") }
        /// The common name of the server's certificate.
        package var commonName: String? { word(after: "subject=CN = ") }
        /// The application protocol (RFC 7301), nil for none.
        package var applicationProtocol: String? { word(after: "ALPN protocol: ") }
        package var heardHello: Bool { output.contains("hello\n") }

        private func word(after prefix: String) -> String? {
            for line in output.split(separator: "\n") where line.hasPrefix(prefix) {
                return line.dropFirst(prefix.count).split(separator: ",").first.map(String.init)
            }
            return nil
        }
    }
}

extension TLSVisit.Outcome: CustomStringConvertible {
    /// What a test that failed shows: the lines in which s_client says what went wrong.
    package var description: String {
        let telling = output.split(separator: "\n").filter { line in
            ["error", "alert", "New, ", "Reused, "].contains { line.contains($0) }
        }
        return "established \(isEstablished), \(String(describing: ending)), \(telling)"
    }
}
