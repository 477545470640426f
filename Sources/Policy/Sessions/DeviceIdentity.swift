package import Endings
package import Settings

/// Which device a request comes from, in three steps: the ClientId it brings; without one, what is
/// known of it (address, role, User-Agent) as long as one device of the store looks like that; and
/// otherwise a new device. Whichever it is, it is one of its owner's devices.
///
/// With `device … issue cookie` a browser that brings no ClientId is given one as a cookie. Until
/// it comes back with the cookie nobody knows whether it keeps cookies, so its place is found by
/// its looks, too (`alias`); from then on only by its id. A front end that keeps none thus still
/// replaces itself, and two browsers that look alike are two devices once both kept theirs.
package struct DeviceIdentity: Sendable, Hashable {
    /// How the ClientId was found.
    package enum Origin: Sendable, Hashable {
        case given(ValueSource)
        /// Made up for a browser that brought none, and looks like this.
        case issued(like: DeviceKey)
        /// There is none: the device goes by its looks.
        case looks
    }

    /// Two devices of different owners are never the same, whatever they are called.
    package var owner: DeviceOwner
    package var key: DeviceKey
    package var origin: Origin

    /// The device's looks, where its id was only just issued.
    package var alias: DeviceKey? {
        if case .issued(let looks) = origin { looks } else { nil }
    }

    /// What of a User-Agent counts, and is kept.
    package static let userAgentLength = 256

    package init(owner: DeviceOwner = .anyone, key: DeviceKey, origin: Origin) {
        self.owner = owner
        self.key = key
        self.origin = origin
    }

    /// The device of a request.
    ///
    /// - Parameters:
    ///   - fresh: an id that was never used before.
    ///   - value: what the request has under a source; nil for nothing.
    /// - Throws: `protocol_error` (400) when the ClientId is there and malformed: to fall back in
    ///   silence would let a typing error merge two devices. Only a malformed cookie of the name
    ///   that is issued counts as none, because the browser gets a good one in its place.
    package init(
        _ settings: SessionSettings, owner: DeviceOwner = .anyone, address: String, role: String?,
        userAgent: String, fresh: () -> SessionID, value: (ValueSource) -> String?
    ) throws(Refusal) {
        for source in settings.device {
            guard let text = value(source) else { continue }
            if case .cookie(settings.issuedCookie) = source, !ClientID.isLegal(text) { continue }
            self.init(
                owner: owner, key: .client(try ClientID(text)), origin: .given(source))
            return
        }
        let looks = DeviceKey.fallback(
            address: address, role: role, userAgent: Self.clipped(userAgent))
        if settings.issuedCookie == nil {
            self.init(owner: owner, key: looks, origin: .looks)
        } else {
            self.init(
                owner: owner, key: .client(ClientID(issued: fresh())), origin: .issued(like: looks))
        }
    }

    /// The beginning of a User-Agent, so that nobody makes the table keep more.
    package static func clipped(_ userAgent: String) -> String {
        userAgent.utf8.count <= userAgentLength
            ? userAgent : String(decoding: userAgent.utf8.prefix(userAgentLength), as: UTF8.self)
    }

    /// The value of the `Set-Cookie` field (RFC 6265) that hands out the id; nil when none was
    /// issued. It lasts as long as browsers let cookies last.
    package func setCookie(_ settings: SessionSettings, isSecure: Bool) -> String? {
        guard alias != nil, let name = settings.issuedCookie, let id = key.clientID else {
            return nil
        }
        return "\(name)=\(id.text); Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
            + (isSecure ? "; Secure" : "")
    }
}
