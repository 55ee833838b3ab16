using System.CommandLine;
using Spectre.Console;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class TreeVerb
{
    internal static Command Make()
    {
        var command = new Command("tree", "Show how layers lie on each other, and which images and writable layers are on them.");
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var layers = store.ListLayers();
            var children = layers.Where(l => l.Parent is not null).ToLookup(l => l.Parent!.Value);
            var images = store.ListImages().Where(i => i.TopLayer is not null).ToLookup(i => i.TopLayer!.Value);
            var writable = store.ListWritable().Where(w => w.Parent is not null).ToLookup(w => w.Parent!.Value);
            var tree = new Tree(Markup.Escape(store.GetStatus().Root));
            // With a stack of its own: an image may have thousands of layers.
            var todo = new Stack<(LayerRecord Layer, IHasTreeNodes Above)>();
            foreach (var layer in layers.Where(l => l.Parent is null).Reverse())
                todo.Push((layer, tree));
            while (todo.TryPop(out var next))
            {
                string label = $"{Output.Short(next.Layer.ChainId.Digest)}  {Output.Size(next.Layer.ContentBytes)}";
                if (next.Layer.SharedFrom is { } shared)
                    label += $"  (in {Markup.Escape(shared)})";
                foreach (var image in images[next.Layer.ChainId])
                    label += $"  [[{string.Join(", ", image.Names.DefaultIfEmpty("image " + Output.Short(image.Config)).Select(Markup.Escape))}]]";
                var below = children[next.Layer.ChainId].ToArray();
                var node = next.Above.AddNode(label);
                foreach (var box in writable[next.Layer.ChainId])
                    node.AddNode("writable " + Markup.Escape(box.Name));
                foreach (var child in below.Reverse())
                    todo.Push((child, below.Length == 1 && !writable[next.Layer.ChainId].Any() ? next.Above : node));
            }
            AnsiConsole.Write(tree);
            return ExitCodes.Ok;
        });
        return command;
    }
}
