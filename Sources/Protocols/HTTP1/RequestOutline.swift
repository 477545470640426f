import Bytes
package import HTTP

/// What a connection has to know of a request besides its own field lines: of this it writes
/// `Content-Length`, `Transfer-Encoding`, `Expect`, `Connection` and `Upgrade`, and by this it
/// understands the answer.
package struct RequestOutline: Sendable, Hashable {
    package var method: Method
    package var body: BodyLength
    /// The protocol offered in `Upgrade` (RFC 9110 §7.8); nil where none is.
    package var upgrade: String?
    /// The body waits until the server wants it (RFC 9110 §10.1.1).
    package var expectsContinue: Bool
    /// No other request comes behind it: the server is told to close (RFC 9112 §9.6).
    package var isLast: Bool

    package init(
        _ method: Method, body: BodyLength = .none, upgrade: String? = nil,
        expectsContinue: Bool = false, isLast: Bool = false
    ) {
        self.method = method
        self.body = body
        self.upgrade = upgrade
        self.expectsContinue = expectsContinue
        self.isLast = isLast
    }

    /// A body whose length nobody knows is sent in chunks: a request never ends with its connection
    /// (RFC 9112 §6.3).
    package var framing: BodyFraming {
        switch body {
        case .none: .none
        case .known(let length): .length(length)
        case .unknown: .chunked
        }
    }

    /// False when nobody may write what is offered as the value of a field.
    var isLegal: Bool { upgrade.map { HeadEncoder.isToken($0.utf8.span) } ?? true }

    /// The field lines that are the connection's to say.
    func appendFields(to output: inout [UInt8]) {
        switch framing {
        case .length(let length): HeadEncoder.appendContentLength(length, to: &output)
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
        if expectsContinue { output.append("Expect: 100-continue\r\n") }
        switch (upgrade, isLast) {
        case (let name?, let isLast):
            HeadEncoder.appendField(name: "Upgrade", value: name, to: &output)
            output.append(isLast ? "Connection: Upgrade, close\r\n" : "Connection: Upgrade\r\n")
        case (nil, true): output.append("Connection: close\r\n")
        case (nil, false): break
        }
    }
}

extension Method {
    /// True when a request may be sent once more if its connection turns out to be dead, as long
    /// as nothing came back (RFC 9110 §9.2.2).
    ///
    /// - Parameters:
    ///   - framing: of its body.
    ///   - keepsBody: who asks has the whole body still.
    package func mayBeRepeated(with framing: BodyFraming, keepsBody: Bool) -> Bool {
        isIdempotent && (framing.isEmpty || keepsBody)
    }
}
