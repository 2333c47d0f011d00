//! XML documents as the services write them.

use quick_xml::escape::escape;

use crate::error::ApiError;

#[derive(Debug, Clone, Default)]
pub(crate) struct Element {
    name: String,
    attributes: String,
    content: String,
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(crate) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes = format!("{} {name}=\"{}\"", self.attributes, escape(value));
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "elements are built in place")]
    pub(crate) fn child(mut self, child: Self) -> Self {
        self.content.push_str(&child.write());
        self
    }

    pub(crate) fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.child(Self { content: escape(text).into_owned(), ..Self::new(name) })
    }

    pub(crate) fn maybe(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Returns the document whose root is this element.
    pub(crate) fn document(&self) -> String {
        format!("<?xml version=\"1.0\"?>\n{}", self.write())
    }

    /// The error document that both services use, also for `InvalidChangeBatch`, whose messages are
    /// joined in `Message`. (The reference shows an `InvalidChangeBatch` root with a list of
    /// `Messages`, but recorded responses of the service have this form.)
    pub(crate) fn error_response(namespace: &str, error: &ApiError, request_id: &str) -> Self {
        let inner = Self::new("Error")
            .text("Type", error.sender())
            .text("Code", &error.code)
            .text("Message", &error.message);
        Self::new("ErrorResponse")
            .attribute("xmlns", namespace)
            .child(inner)
            .text("RequestId", request_id)
    }

    fn write(&self) -> String {
        let Self { name, attributes, content } = self;
        format!("<{name}{attributes}>{content}</{name}>")
    }
}

#[cfg(test)]
mod tests;
