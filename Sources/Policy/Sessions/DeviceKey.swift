package import Endings

/// An id that a device gave itself: 1 to 128 visible ASCII characters, opaque to us.
package struct ClientID: Sendable, Hashable {
    package static let longest = 128

    package let text: String

    /// Throws `protocol_error` (400) for a text that is no ClientId; an empty one is none either.
    package init(_ text: String) throws(Refusal) {
        let isLegal =
            (1...Self.longest).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isLegal else {
            throw Refusal(
                .protocolError, detail: "client_id",
                message: "The client id must be 1 to 128 visible ASCII characters")
        }
        self.text = text
    }
}

/// What makes two connections of a store come from the same device.
package enum DeviceKey: Sendable, Hashable {
    /// The device said who it is.
    case client(ClientID)
    /// It did not: one address, role and User-Agent are taken for one device, so that front ends
    /// without ClientIds can still be refreshed.
    case fallback(address: String, role: String?, userAgent: String)

    /// The key of a device that sent `clientID` (nil for none at all).
    ///
    /// Throws `protocol_error` (400) when the ClientId is there and malformed: to fall back in
    /// silence would let a typing error merge two devices.
    package init(
        clientID: String?, address: String, role: String?, userAgent: String
    ) throws(Refusal) {
        if let clientID {
            self = .client(try ClientID(clientID))
        } else {
            self = .fallback(address: address, role: role, userAgent: userAgent)
        }
    }

    /// The ClientId, when that is what names the device.
    package var clientID: ClientID? {
        switch self {
        case .client(let clientID): clientID
        case .fallback: nil
        }
    }
}
