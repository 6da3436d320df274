//! Trace contexts across the queue, with and without OpenTelemetry.

use lifecycle::TraceContext;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes `span` a child of `parent`. Returns the context to pass on to everything that `span` causes.
///
/// The trace id is the parent's. Without a parent it is that of the enclosing span, or a new one. If OpenTelemetry is
/// off, the context is still passed on, with a random span id. If `span` was declared with an empty field `trace_id`,
/// the id is recorded there, so that log lines carry it. Call this before the span is entered: a started span keeps its
/// parent.
pub fn in_trace(span: &Span, parent: Option<TraceContext>) -> TraceContext {
    if let Some(parent) = parent {
        let remote = opentelemetry::Context::new().with_remote_span_context(remote_context(parent));
        if let Err(tracing_opentelemetry::SetParentError::AlreadyStarted) = span.set_parent(remote) {
            tracing::debug!(trace_id = %parent.trace_id_hex(), "span had begun before its parent was known");
        }
    }
    let context =
        span_context(span).unwrap_or_else(|| parent.map_or_else(TraceContext::root, TraceContext::child));
    span.record("trace_id", tracing::field::display(context.trace_id_hex()));
    context
}

/// Links `span` to `other` without making it a child. Does nothing if OpenTelemetry is off.
pub fn link_span(span: &Span, other: TraceContext) {
    span.add_link(remote_context(other));
}

/// Returns the context as a remote parent for OpenTelemetry.
fn remote_context(context: TraceContext) -> SpanContext {
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, parent) = (TraceId::from(context.trace_id), SpanId::from(context.span_id));
    SpanContext::new(trace, parent, flags, true, TraceState::default())
}

/// Returns the context of the OpenTelemetry span behind `span`, if there is one.
fn span_context(span: &Span) -> Option<TraceContext> {
    let context = span.context();
    let active = context.span();
    let span_context = active.span_context();
    span_context.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(span_context.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span_context.span_id().to_bytes()),
        sampled: span_context.is_sampled(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_handed_on_when_opentelemetry_is_off() {
        let parent = TraceContext::root();
        let child = in_trace(&tracing::info_span!("work"), Some(parent));
        assert_eq!(child.trace_id, parent.trace_id);
        assert_ne!(child.span_id, parent.span_id);
        assert_ne!(in_trace(&tracing::info_span!("work"), None).trace_id, parent.trace_id);
        link_span(&tracing::info_span!("work"), parent);
    }
}
