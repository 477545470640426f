import Bytes
import Clock
import HTTP
import Settings
import TLS
import Transport

/// One GET of a set of keys: lookup, connection, handshake, request and answer, within one time.
/// Lives on the thread of the service, whose poller watches its socket under `token`.
///
/// Every event answers what has to happen next; after `done` there are no more.
final class KeySetFetch {
    enum Step {
        case wait
        /// The addresses of `location` are wanted: see `lookedUp`.
        case lookUp(SecureLocation)
        case done(Result<Answer, FetchFailure>)
    }

    struct Answer {
        var octets: [UInt8]
        /// Nil when the answer does not say.
        var lifetime: Duration?
    }

    /// What all fetches of a thread share.
    struct Tools {
        var poller: Poller
        var engine: TLSEngine
        var buffer: ReadBuffer
    }

    private enum State {
        case lookup
        case connecting(Stream)
        case talking(Stream)
        case over
    }

    /// More would be a loop, or a trap.
    static let redirectLimit = 3

    let token: UInt64
    private let tools: Tools
    private let context: TLSClientContext
    private let sizeLimit: Int
    /// For everything.
    private let end: Instant
    /// When the attempt at the current address ends, so that a silent one leaves time for the
    /// others.
    private var attemptEnd: Instant
    private var location: SecureLocation
    private var redirectCount = 0
    private var addresses: ArraySlice<SocketAddress> = []
    private var state = State.lookup
    /// The response on the current connection; nil before its request was sent.
    private var response: KeySetResponse?

    init(
        _ set: RemoteKeySet, context: TLSClientContext, token: UInt64, tools: Tools, now: Instant
    ) {
        self.token = token
        self.tools = tools
        self.context = context
        sizeLimit = set.size
        end = now + set.timeout
        attemptEnd = end
        location = SecureLocation(host: set.host, port: set.port, target: set.target)
    }

    deinit { cancel() }

    /// When `timePassed` has something to say, unless something else happens before.
    var deadline: Instant { min(end, attemptEnd) }

    /// The first step.
    func start() -> Step { .lookUp(location) }

    /// What an earlier fetch, or one before a redirect, asked for does not count.
    func lookedUp(
        _ asked: SecureLocation, _ result: Result<[SocketAddress], NameLookup.Failure>,
        now: Instant
    ) -> Step {
        guard case .lookup = state, asked == location else { return .wait }
        switch result {
        case .failure(let failure): return finish(.failure(.name(failure.reason)))
        case .success(let found):
            addresses = found[...]
            return connect(after: .name("no address"), now)
        }
    }

    /// The socket is ready for something.
    func ready(_ readiness: Readiness, now: Instant) -> Step {
        switch state {
        case .lookup, .over: return .wait
        case .connecting(let stream): return connected(stream, now)
        case .talking(let stream):
            if readiness.isWritable, !stream.flush() {
                return broke(.connection("it was closed"), now)
            }
            if readiness.isReadable || readiness.isBroken { return receive(stream, now) }
            watch(stream)
            return .wait
        }
    }

    func timePassed(to now: Instant) -> Step {
        if now < deadline { return .wait }
        switch state {
        case .over: return .wait
        case .lookup: return finish(.failure(.timeout(.lookup)))
        case .connecting: return broke(.timeout(.connect), now)
        case .talking(let stream):
            return broke(.timeout(stream.isEstablished ? .answer : .handshake), now)
        }
    }

    /// Gives the socket back; whatever comes is of no interest any more.
    func cancel() {
        switch state {
        case .connecting(let stream), .talking(let stream):
            tools.poller.remove(stream.descriptor.number)
            stream.close()
        case .lookup, .over: break
        }
        state = .over
    }

    private func finish(_ result: Result<Answer, FetchFailure>) -> Step {
        cancel()
        return .done(result)
    }

    /// What failed before the request was sent is tried with the next address, if there is one.
    private func broke(_ failure: FetchFailure, _ now: Instant) -> Step {
        if wasAsked || now >= end { return finish(.failure(failure)) }
        return connect(after: failure, now)
    }

    private func connect(after failure: FetchFailure, _ now: Instant) -> Step {
        cancel()
        var last = failure
        while let address = addresses.popFirst() {
            attemptEnd = now + (end - now) / (addresses.count + 1)
            do throws(SystemError) {
                let (stream, _) = try Stream.connect(to: address)
                // A connection that is there already becomes writable, too.
                try tools.poller.add(stream.descriptor.number, token: token, interest: .writable)
                state = .connecting(stream)
                return .wait
            } catch {
                last = .connection(error.reason)
            }
        }
        return .done(.failure(last))
    }

    private func connected(_ stream: Stream, _ now: Instant) -> Step {
        do throws(SystemError) {
            try stream.finishConnecting()
        } catch {
            return broke(.connection(error.reason), now)
        }
        do throws(TLSError) {
            let secure = try Stream(
                stream.descriptor, client: context, host: location.host, engine: tools.engine)
            state = .talking(secure)
            watch(secure)
            return .wait
        } catch {
            return finish(.failure(.connection(error.message)))
        }
    }

    private func receive(_ stream: Stream, _ now: Instant) -> Step {
        let result = stream.receive(into: tools.buffer)
        do throws(FetchFailure) {
            if stream.isEstablished, !wasAsked { try ask(stream) }
        } catch {
            return finish(.failure(error))
        }
        switch result {
        case .octets(0):
            watch(stream)
            return .wait
        case .octets: return take(stream, isEnd: false)
        case .end(let count):
            guard wasAsked else { return broke(.connection("it was closed"), now) }
            return count > 0 ? take(stream, isEnd: true) : end(stream)
        case .failed(.connection): return broke(.connection("it was closed"), now)
        case .failed(.tls(.certificate(let fault))): return broke(.certificate(fault), now)
        case .failed(.tls): return broke(.tls, now)
        }
    }

    /// True when the request was sent on the current connection.
    private var wasAsked: Bool { response != nil }

    private func ask(_ stream: Stream) throws(FetchFailure) {
        var response = try KeySetResponse(from: location, limit: sizeLimit)
        attemptEnd = end
        response.wasSent(isTaken: stream.send(response.request.span))
        self.response = consume response
    }

    private func take(_ stream: Stream, isEnd: Bool) -> Step {
        let buffer = tools.buffer
        do throws(FetchFailure) {
            if let event = try response?.receive(buffer.octets) { return act(on: event) }
        } catch {
            return finish(.failure(error))
        }
        if isEnd { return end(stream) }
        watch(stream)
        return .wait
    }

    private func end(_ stream: Stream) -> Step {
        do throws(FetchFailure) {
            if let event = try response?.inputEnded() { return act(on: event) }
        } catch {
            return finish(.failure(error))
        }
        return finish(.failure(.connection("it was closed")))
    }

    private func act(on event: KeySetResponse.Event) -> Step {
        switch event {
        case .document(let octets, let lifetime):
            return finish(.success(Answer(octets: octets, lifetime: lifetime)))
        case .redirect(let reference):
            guard let next = location.following(reference) else {
                return finish(.failure(.redirect("to a URL that is not https")))
            }
            guard redirectCount < Self.redirectLimit else {
                return finish(.failure(.redirect("more than \(Self.redirectLimit) times")))
            }
            cancel()
            redirectCount += 1
            location = next
            state = .lookup
            response = nil
            return .lookUp(next)
        }
    }

    private func watch(_ stream: Stream) {
        tools.poller.change(
            stream.descriptor.number, token: token,
            interest: stream.pendingCount > 0 ? [.readable, .writable] : .readable)
    }
}
