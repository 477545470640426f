import Clock
import Endings
import Entry
import HTTP
import HTTP1
import Identity
import Relays
import Routing
import Sessions
import Settings
import Upstreams

/// The way back: a response as it comes, event by event, or a WebSocket.
extension HouseExchange {
    /// Writes the head of the app's response.
    func respond(_ head: ResponseHead, length: Int?) {
        var output: [UInt8] = []
        guard client.http.beginHead(of: head, to: &output) else { return }
        for line in head.fields.lines where line.known == .other || line.known == .contentType {
            HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
        }
        if let id = entrant.listedID {
            HeadEncoder.appendField(
                name: "X-Session-Id", value: id.description, to: &output)
        }
        client.http.endHead(length: length, to: &output)
        if isUnattended { return }
        client.wire.send(output)
    }

    func begin(_ head: ResponseHead, _ framing: BodyFraming) {
        let hasEventType = head.fields.mediaType(is: "text/event-stream")
        let isStream =
            head.status == 200 && hasEventType && entrant.found.kind.mayBeEvents
            && !isUnattended
        let lasts = isStream && !framing.isEmpty
        isOpenEnded = lasts || hasEventType || plan.route.settings.kind == .stream
        if isStream, framing != .none, !mayStay(head.fields) { return }
        do throws(HeadError) {
            respond(head, length: lasts ? nil : try head.contentLength(framing))
        } catch {
            return fail(.badResponse)
        }
        response = .streaming
        if isOpenEnded { upstream?.setDue(.never) }
        if lasts {
            beginEvents(head.fields)
        } else if isOpenEnded, entrant.found.kind.isDownload, !framing.isEmpty, !isUnattended {
            try? house.becomeLive(entrant, as: .stream, client)
        } else {
            entrant.release(.normal, at: now)
        }
    }

    /// A stream for which nobody asked in so many words counts as well.
    private func mayStay(_ fields: Fields) -> Bool {
        if client.hasFinished, fields.hasContentCoding {
            leave(.normal)
            return false
        }
        do throws(Refusal) {
            try takeSeatLate()
            guard entrant.place == nil else { return true }
            try house.becomeLive(entrant, as: .eventStream, client)
            return true
        } catch {
            closeUpstream()
            hasEnded = true
            client.refuse(error, entrant)
            return false
        }
    }

    private func takeSeatLate() throws(Refusal) {
        guard let latecomer = plan.latecomer else { return }
        defer { entrant.found = latecomer.entry.found }
        latecomer.entry.turnedOutToStay()
        while case .ask(let question) = try latecomer.entry.next(at: now) {
            switch question {
            case .names:
                try latecomer.entry.told(
                    .names(session: house.newID(), device: house.newID()), at: now)
            case .seat(let arrival):
                let news = entrant.news(of: SeatQuestion.ask(arrival, of: house.store, now: now))
                if case .open = news { throw .seatIsUnknown }
                try latecomer.entry.told(.seat(news), at: now)
            case .memory, .time, .rate, .token, .keys, .message, .place, .body, .refresh: return
            }
        }
    }

    func forward(_ data: ArraySlice<UInt8>) {
        guard isEventStream else { return send(Array(data)) }
        let octets = Array(data)
        var output: [UInt8] = []
        var index = 0
        while let step = events?.received(octets.span, at: &index, now: now, into: &output) {
            if case .pass(let range) = step {
                send(Array(octets[range]))
            } else {
                carryOut(step, &output)
            }
        }
    }

    private func send(_ data: [UInt8]) {
        if isUnattended { return }
        var output: [UInt8] = []
        client.http.send(data.span, to: &output)
        client.wire.send(output)
    }

    func completed(trailers: Fields? = nil) {
        var output: [UInt8] = []
        if let step = events?.appEnded(into: &output) { carryOut(step, &output) }
        if hasEnded { return }
        client.http.end(trailers: trailers, to: &output)
        if !isUnattended { client.wire.send(output) }
        response = .complete
        releaseUpstream()
        conclude(.normal)
        client.answered()
    }

    // MARK: Events

    private func beginEvents(_ fields: Fields) {
        events = EventFlow(
            plan.route.settings, isOpaque: fields.hasContentCoding, now: now)
        client.pace.forgetTaking()
        var session: [UInt8]?
        if entrant.found.speaksControl, let place = entrant.place,
            let identity = entrant.found.identity
        {
            session =
                ControlReply(
                    session: place.id.description, of: identity, now: house.wall
                ).octets
        }
        var output: [UInt8] = []
        let step = events?.begin(
            session: session, hasFinished: client.hasFinished, into: &output)
        if let step { carryOut(step, &output) }
        askTokenLater()
        watchEvents()
    }

    func say(_ reply: ControlReply) {
        guard !hasEnded else { return }
        var output: [UInt8] = []
        told(events?.say(reply.eventName, reply.octets, now: now, into: &output), output)
    }

    func ask() {
        var output: [UInt8] = []
        told(events?.ask(now: now, into: &output), output)
    }

    func probe() {
        guard !hasEnded else { return }
        let hasFinished = client.hasFinished
        var output: [UInt8] = []
        let step =
            events == nil
            ? EventFlow.probedUnheard(hasFinished: hasFinished)
            : events?.probe(
                hasFinished: hasFinished, acknowledged: client.wire.takenCount, now: now,
                into: &output)
        told(step, output)
    }

    func disconnect(_ ending: StreamEnding) {
        if entrant.found.kind.isDownload {
            return fail(Refusal(ending.reason, status: 403, detail: ending.detail, message: ""))
        }
        end(ending)
    }

    func end(_ ending: StreamEnding) {
        guard !hasEnded else { return }
        guard !isEventStream else {
            entrant.slip.note(ending.reason, at: now)
            var output: [UInt8] = []
            return told(events?.end(ending, now: now, into: &output), output)
        }
        guard case .awaiting = response else { return }
        entrant.slip.note(ending.reason, at: now)
        closeUpstream()
        hasEnded = true
        entrant.release(.normal, at: now)
        house.record(entrant, ending.reason)
        client.give(
            entrant.isWebSocket
                ? .socket(entrant, ending.reason, ending.word) : .events(ending))
    }

    func rescheduleExpiry() {
        guard !hasEnded else { return }
        if wait.isActive { return watchToken() }
        guard isEventStream else { return }
        askTokenLater()
        watchEvents()
    }

    func flowTimerFired() {
        if wait.isActive { return checkToken() }
        var output: [UInt8] = []
        let wire = client.wire
        while !hasEnded,
            let step = events?.timePassed(
                to: now, taken: wire.takenCount,
                acknowledgements: wire.acknowledgements, into: &output)
        {
            carryOut(step, &output)
        }
        if hasEnded { return }
        noteQueue()
        watchEvents()
    }

    func noteQueue() {
        guard !client.wire.pending.isEmpty else { return }
        events?.queueGrew(to: client.wire.pending.count, now: now)
        watchEvents()
    }

    private func watchEvents() {
        guard !hasEnded, let due = events?.nextDue else { return }
        client.timers[.flow] = due
    }

    private func askTokenLater() {
        let due = entrant.live?.nextDue(house) ?? .never
        guard let step = events?.setExpiry(due, now: now) else { return }
        var output: [UInt8] = []
        carryOut(step, &output)
    }

    /// What was to be done when it was told something.
    private func told(_ step: EventFlow.Step?, _ output: [UInt8]) {
        var output = output
        if let step { carryOut(step, &output) }
        if hasEnded { return }
        noteQueue()
        watchEvents()
    }

    private func carryOut(_ step: EventFlow.Step, _ output: inout [UInt8]) {
        switch step {
        case .pass: break
        case .send:
            send(output)
            output = []
        case .end(let ending):
            send(output)
            output = []
            closeUpstream()
            conclude(ending.reason)
            client.http.makeLast()
            var end: [UInt8] = []
            client.http.end(to: &end)
            client.wire.send(end)
            client.answered()
        case .cut(let ending):
            closeUpstream()
            conclude(ending.reason)
            client.cut()
        case .tooSlow:
            closeUpstream()
            conclude(.slowConsumer)
            client.cut()
        case .leave: leave(.normal)
        case .answered: entrant.session?.answered(now: now)
        case .silent: entrant.session?.answered(false, now: now)
        case .askToken:
            if let live = entrant.live, client.expire(live) { askTokenLater() }
        }
    }

    /// The app has broken off its response: true when an end by rule that waited is the end.
    func endsByRule() -> Bool {
        guard let step = events?.appLost() else { return false }
        var output: [UInt8] = []
        carryOut(step, &output)
        return true
    }

    // MARK: WebSockets

    func switchProtocols(_ head: ResponseHead, rest: [UInt8]) {
        guard entrant.isWebSocket else { return fail(.badResponse) }
        if entrant.opened == nil {
            var output: [UInt8] = []
            guard client.http.beginHead(status: 101, to: &output) else {
                return fail(.badResponse)
            }
            HeadEncoder.appendField(name: "Upgrade", value: "websocket", to: &output)
            for line in head.fields.lines where line.known == .other {
                HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
            }
            client.http.endHead(length: nil, to: &output)
            client.wire.send(output)
        }
        guard let connection = upstream else { return }
        upstream = nil
        hasEnded = true
        let relay = HouseRelay(
            client, connection, lease.take(), entrant, plan.route)
        connection.begin(relay)
        client.begin(relay)
        relay.begin(rest)
        if connection.http.hasInputEnded { relay.upstreamLost() }
        client.resume()
        if house.isDraining { client.drain() }
    }
}

extension Wire {
    var acknowledgements: Acknowledgements {
        Acknowledgements(count: takenCount, outstanding: pending.count)
    }
}
