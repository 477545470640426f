package import Endings

/// An id that a device gave itself, or was given: 1 to 128 visible ASCII characters.
package struct ClientID: Sendable, Hashable {
    package static let longest = 128

    package let text: String

    /// Throws `protocol_error` (400) for a text that is no ClientId; an empty one is none either.
    package init(_ text: String) throws(Refusal) {
        guard Self.isLegal(text) else {
            throw Refusal(
                .protocolError, detail: "client_id",
                message: "The client id must be 1 to 128 visible ASCII characters")
        }
        self.text = text
    }

    /// An id for a device that brought none: 32 hexadecimal digits.
    package init(issued id: SessionID) { text = id.description }

    static func isLegal(_ text: String) -> Bool {
        (1...longest).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// What makes two connections of one owner's (`DeviceOwner`) come from the same device of a store.
package enum DeviceKey: Sendable, Hashable {
    /// The device said who it is.
    case client(ClientID)
    /// The device sent no ClientId: one address, role and User-Agent are taken for one device, so
    /// that front ends without ClientIds can still be refreshed. Kept elsewhere, so that a key is
    /// no longer than an id.
    indirect case fallback(address: String, role: String?, userAgent: String)

    /// The ClientId, when that is what names the device.
    package var clientID: ClientID? {
        switch self {
        case .client(let clientID): clientID
        case .fallback: nil
        }
    }

    /// The ClientId, or a temporary name: the same for as long as the device looks the same.
    package var name: String {
        switch self {
        case .client(let clientID): return clientID.text
        case .fallback(let address, let role, let userAgent):
            // FNV-1a, 64 bits: short, and the same in every process.
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for octet in [address, role ?? "", userAgent].joined(separator: "\n").utf8 {
                hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3
            }
            let digits = String(hash, radix: 16)
            return "temporary-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
    }
}
