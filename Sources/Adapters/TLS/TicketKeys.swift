internal import COpenSSL
internal import Locks

/// The keys of session tickets (RFC 5077, RFC 8446 §4.6.1): one that makes new tickets and the ones
/// before it that still open old ones. Shared by all contexts of the process, so that a reload
/// keeps sessions resumable; rotated by the caller.
package final class TicketKeys: Sendable {
    struct Key: Sendable {
        var name: [UInt8]
        var cipher: [UInt8]
        var mac: [UInt8]
    }

    /// Keys kept for opening, the newest included.
    private static let capacity = 3
    private let keys: Guarded<[Key]>

    /// - Throws: `TLSError` when there is no randomness.
    package init() throws(TLSError) { keys = Guarded([try Self.make()]) }

    /// Makes a new key the one that seals; the oldest is forgotten.
    ///
    /// - Throws: `TLSError` when there is no randomness.
    package func rotate() throws(TLSError) {
        let key = try Self.make()
        keys.withLock { keys in
            keys.insert(key, at: 0)
            if keys.count > Self.capacity { keys.removeLast() }
        }
    }

    /// The key that seals new tickets.
    var newest: Key { keys.withLock { $0[0] } }

    /// The key of that name, and whether it is the one that seals.
    func key(named name: [UInt8]) -> (key: Key, isNewest: Bool)? {
        keys.withLock { keys in
            keys.firstIndex { $0.name == name }.map { (keys[$0], $0 == 0) }
        }
    }

    private static func make() throws(TLSError) -> Key {
        Key(name: try random(16), cipher: try random(32), mac: try random(32))
    }

    private static func random(_ count: Int) throws(TLSError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        // The array is `count` octets long.
        guard unsafe RAND_bytes(&octets, Int32(count)) == 1 else {
            throw TLSError("no random numbers: \(OpenSSLErrors.takeText())")
        }
        return octets
    }
}
