internal import COpenSSL
internal import Locks

/// What servers gave to resume a session with (RFC 8446 §2.2), one for each key: whoever asks says
/// which server, by which name, a key is for.
@safe
final class TLSResumption: Sendable {
    /// Owns one reference to a session.
    @safe
    final class Kept: Sendable {
        // Owned: given back in `deinit`. OpenSSL counts references atomically.
        nonisolated(unsafe) let pointer: OpaquePointer

        init(_ pointer: OpaquePointer) {
            // The reference becomes this object's.
            unsafe self.pointer = pointer
        }

        deinit {
            // The reference of `init`.
            unsafe SSL_SESSION_free(pointer)
        }
    }

    /// Servers and names are few; more are forgotten.
    private static let mostKeys = 1024

    private let kept = Guarded<[String: Kept]>([:])

    func session(_ key: String) -> Kept? { kept.withLock { $0[key] } }

    private func keep(_ session: Kept, _ key: String) {
        kept.withLock { kept in
            if kept.count >= Self.mostKeys, kept[key] == nil { kept = [:] }
            kept[key] = session
        }
    }

    /// Where a session keeps the pointer back to its `TLSSession`.
    static let index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nil, nil, nil, nil)

    /// The server gave something to go on with; with TLS 1.3 that comes behind the handshake.
    static let received: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32 = {
        ssl, session in
        // A live session's data, which its object has set; the session is not null.
        guard let ssl = unsafe ssl, let session = unsafe session,
            let data = unsafe SSL_get_ex_data(ssl, TLSResumption.index)
        else { return 0 }
        // The `TLSSession` whose call OpenSSL is in.
        let owner = unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
        guard let (resumption, key) = owner.resumption else { return 0 }
        // 1 says that the reference is ours from now on.
        resumption.keep(unsafe Kept(session), key)
        return 1
    }
}
