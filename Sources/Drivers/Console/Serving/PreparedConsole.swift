import Crypto
package import Settings
package import Transport

/// Why there is no console as the configuration wants it.
package struct ConsoleFailure: Error, Sendable, Hashable {
    /// A sentence without its end, such as `cannot listen on 127.0.0.1:9901: Address in use`.
    package var text: String
}

/// A console made ready: its socket is bound, its token known by its digest only. One that is not
/// adopted gives the socket back.
package struct PreparedConsole: Sendable {
    /// Where the console is really bound, if this is a new socket; nil when the current one stays.
    package let address: SocketAddress?
    let listener: DescriptorTransfer?
    /// SHA-256 of the token: comparing digests tells nothing of its length.
    let tokenDigest: [UInt8]

    /// Nil without a console.
    ///
    /// - Parameter current: what the current console was made of; nil when there is none. Its
    /// socket stays when the address is the same.
    /// - Throws: `ConsoleFailure` when the address cannot be bound. Nothing has changed then.
    package static func prepare(
        _ settings: ConsoleSettings?, inPlaceOf current: ConsoleSettings?
    ) throws(ConsoleFailure) -> PreparedConsole? {
        guard let settings else { return nil }
        let digest = try digest(of: settings.token)
        let address = try socketAddress(of: settings)
        if settings.address == current?.address {
            return PreparedConsole(address: nil, listener: nil, tokenDigest: digest)
        }
        do throws(SystemError) {
            // Sharing the address with another process would give it half of the requests.
            try Listener.checkIsFree(address)
            let listener = try Listener(address, backlog: backlog)
            return PreparedConsole(
                address: listener.address, listener: listener.transfer(), tokenDigest: digest)
        } catch {
            throw ConsoleFailure(
                text: "the console cannot listen on \(address.text): "
                    + error.advice(listeningOn: address))
        }
    }

    private static let backlog: Int32 = 64

    private static func digest(of token: Secret) throws(ConsoleFailure) -> [UInt8] {
        // The reader of the configuration refuses an empty token as well; it would let every
        // request in.
        if token.octets.isEmpty { throw ConsoleFailure(text: "the token of the console is empty") }
        do throws(CryptoError) {
            return try Digest.sha256(token.octets.span)
        } catch {
            throw ConsoleFailure(text: "the token of the console cannot be read: \(error)")
        }
    }

    private static func socketAddress(
        of settings: ConsoleSettings
    ) throws(ConsoleFailure) -> SocketAddress {
        switch settings.address {
        case .unix(let path): return .unix(path: path)
        case .ip(let host, let port):
            guard let address = SocketAddress(numeric: host, port: port) else {
                throw ConsoleFailure(text: "the console cannot listen on \(host): no such address")
            }
            guard address.isLoopback || settings.allowsRemote else {
                throw ConsoleFailure(
                    text: "the console does not listen on \(address.text), which other machines"
                        + " can reach: that needs 'allow_remote on'")
            }
            return address
        }
    }
}

extension SocketAddress {
    /// 127.0.0.0/8, mapped or not, and ::1.
    fileprivate var isLoopback: Bool {
        let octets = mappedOctets
        if octets.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) {
            return octets[12] == 127
        }
        return octets.dropLast().allSatisfy { $0 == 0 } && octets[15] == 1
    }
}
