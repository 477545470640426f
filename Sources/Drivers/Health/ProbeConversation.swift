import Bytes
import Crypto
import HTTP
import HTTP1
import Settings
import Upstreams
import WebSocket

/// What one check says to a server, and what the answer says of it: octets in, a verdict out. It
/// knows no socket and no time.
///
///     connected --tcp--> over: passed
///     asked --the whole answer, with an expected status--> over: passed
///     asked --101, as RFC 6455 wants it--> a close frame goes out, leaving
///     leaving --the end, or the end of its time--> over: passed
///     asked --anything else--> over: failed
struct ProbeConversation: ~Copyable {
    enum Verdict: Hashable {
        case passed
        case failed(CheckFailure)
    }

    private enum State {
        case asked
        case reading
        /// The handshake is accepted: the server may say goodbye, too.
        case leaving
    }

    /// To be sent once there is a connection, and whenever it is not empty; whoever sends it
    /// empties it.
    var output: [UInt8] = []
    private let settings: CheckSettings
    private var http = ClientConnection()
    private var state = State.asked
    /// What has to be in `Sec-WebSocket-Accept`.
    private var accept: [UInt8] = []
    private let maskingKey: MaskingKey

    /// - Parameters:
    ///   - host: for `Host`.
    ///   - preface: sent in front of all else: a PROXY header.
    ///   - nonce: 16 octets of chance, for the key of a handshake.
    /// - Throws: what makes it nothing to be sent.
    init(
        _ settings: CheckSettings, host: String, preface: [UInt8], nonce: [UInt8]
    ) throws(SendError) {
        self.settings = settings
        maskingKey = MaskingKey(nonce[0], nonce[1], nonce[2], nonce[3])
        output = preface
        switch settings.question {
        case .connection: break
        case .request(let method, let target):
            try ask(RequestOutline(method.method, isLast: true), target, host)
        case .webSocket(let target):
            let key = Base64.encode(nonce.span)
            try ask(RequestOutline(.get, upgrade: "websocket"), target, host, key: key)
            var input = key
            input.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
            accept =
                (try? Digest.sha1(input.span)).map {
                    OpeningHandshake.accept(digest: $0.span)
                } ?? []
        }
    }

    private mutating func ask(
        _ outline: RequestOutline, _ target: String, _ host: String, key: [UInt8]? = nil
    ) throws(SendError) {
        try http.beginHead(outline, target: target, to: &output)
        HeadEncoder.appendField(name: "Host", value: host, to: &output)
        HeadEncoder.appendField(name: "User-Agent", value: "gateway-check", to: &output)
        if let key {
            HeadEncoder.appendField(name: "Sec-WebSocket-Key", value: key.span, to: &output)
            HeadEncoder.appendField(name: "Sec-WebSocket-Version", value: "13", to: &output)
        } else {
            HeadEncoder.appendField(name: "Accept", value: "*/*", to: &output)
        }
        try http.endHead(to: &output)
    }

    /// There is a connection, and `output` was sent.
    mutating func connected(isTaken: Bool) -> Verdict? {
        if settings.question == .connection { return .passed }
        http.wasSent(isTaken: isTaken)
        return nil
    }

    /// What is said about a check whose time is over.
    var outOfTime: Verdict {
        switch state {
        case .asked: .failed(.timeout(.answer))
        case .reading: .failed(.timeout(.body))
        case .leaving: .passed
        }
    }

    mutating func received(_ input: Span<UInt8>) -> Verdict? {
        if case .leaving = state { return nil }
        var index = 0
        do throws(ResponseError) {
            while let event = try http.receive(input, at: &index) {
                if let verdict = take(event) { return verdict }
                if case .leaving = state { return nil }
            }
            return nil
        } catch {
            return .failed(.badAnswer)
        }
    }

    private mutating func take(_ event: consuming ResponseEvent) -> Verdict? {
        switch consume event {
        case .informational, .data: return nil
        case .head(let head, _):
            state = .reading
            guard case .request = settings.question,
                settings.expected.contains(where: { $0.contains(head.status) })
            else { return .failed(.status(head.status)) }
            return nil
        case .end: return .passed
        case .tunnel(let head):
            guard OpeningHandshake.isCompleted(by: head, accept: accept.span) else {
                return .failed(.badHandshake)
            }
            state = .leaving
            FrameEncoder.appendClose(code: 1000, maskingKey: maskingKey, to: &output)
            return nil
        }
    }

    /// Nothing more comes.
    mutating func inputEnded(isBroken: Bool) -> Verdict {
        if case .leaving = state { return .passed }
        switch isBroken ? http.connectionBroke() : http.inputEnded() {
        case .complete: return .passed
        case .idle, .unanswered, .early, .truncated, .tunnel: return .failed(.closed)
        }
    }
}

extension CheckMethod {
    fileprivate var method: Method {
        switch self {
        case .get: .get
        case .head: .head
        }
    }
}
