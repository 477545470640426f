import Bytes
package import HTTP
import Identity
package import Sessions
package import Settings

/// A request as it comes to be let in: what its head says, and what its connection and trusted
/// proxies say of whom it comes from. Nothing of it changes any more; an object, so that it is
/// handed on without being copied.
package final class EnteringRequest: Sendable {
    package let head: RequestHead
    /// The name of the request, in logs and towards the upstream.
    package let id: String
    /// Where the client is: 4 or 16 octets in network order; none for a client that has no address.
    package let address: [UInt8]
    /// The address as text.
    package let addressText: String
    /// The host that the request is for; nil when it names none.
    package let authority: Authority?
    /// The client speaks TLS, with us or with a trusted proxy.
    package let isSecure: Bool
    package let isWebSocket: Bool
    /// What the table of sessions and the live table know its connection by.
    package let connection: ConnectionAddress
    /// Where a listener sends who speaks no TLS; nil where they may.
    package let redirectToHTTPS: ListenerSettings.RedirectPort?
    /// What the listener says in every answer.
    package let answerFields: AnswerFields

    package init(
        _ head: RequestHead, id: String, address: [UInt8], addressText: String,
        authority: Authority?, isSecure: Bool, isWebSocket: Bool, connection: ConnectionAddress,
        redirectToHTTPS: ListenerSettings.RedirectPort? = nil,
        answerFields: AnswerFields = AnswerFields()
    ) {
        self.head = head
        self.id = id
        self.address = address
        self.addressText = addressText
        self.authority = authority
        self.isSecure = isSecure
        self.isWebSocket = isWebSocket
        self.connection = connection
        self.redirectToHTTPS = redirectToHTTPS
        self.answerFields = answerFields
    }

    var scheme: String { isSecure ? "https" : "http" }

    /// The address in 16 octets, IPv4 mapped; nil for a client that has none.
    var mappedAddress: [UInt8]? {
        switch address.count {
        case 0: nil
        case 4: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + address
        case _: address
        }
    }

    /// What stands for the client's network in limits; nil for one that has no address.
    var addressKey: UInt64? {
        mappedAddress.flatMap { ClientAddress(mappedOctets: $0) }?.key
    }
}
